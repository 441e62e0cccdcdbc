// `holdfast schema`: what each verb prints with --json, as JSON Schema made from the very schemas of the API.
import { z } from "zod";
import * as s from "../../api/schema.ts";

const exported = z.object({
  client: z.enum(["claude-code", "claude-desktop", "cursor", "vscode", "codex"]),
  file: z.string(),
  entry: z.string(),
  command: z.string().optional(),
});
const imported = z.object({
  file: z.string(),
  imported: z.array(
    z.object({
      from: z.string(),
      name: s.connectorNameSchema,
      outcome: z.enum(["added", "replaced", "exists", "would-add"]),
      notes: z.array(z.string()),
    }),
  ),
});

/** By verb. `logs` prints one such value on each line. */
const outputs: Readonly<Record<string, z.ZodType>> = {
  list: s.connectorListSchema,
  get: s.connectorSchema,
  add: s.connectorSchema,
  "add-json": s.connectorSchema,
  edit: s.connectorSchema,
  connect: s.connectorSchema,
  disconnect: s.connectorSchema,
  remove: z.object({ removed: s.connectorNameSchema }),
  test: s.testResultSchema,
  upgrade: s.upgradeResultSchema,
  doctor: s.doctorReportSchema,
  tools: s.toolListSchema,
  /** The tool's result as the server gave it. */
  call: z.looseObject({ isError: z.boolean().optional() }),
  sessions: s.sessionListSchema,
  "sessions break": s.sessionSchema,
  "sessions end": z.object({ ended: z.string() }),
  logs: z.union([
    z.object({ exchange: s.exchangeSchema, bodies: s.bodiesSchema.optional() }),
    z.object({ restore: s.restoreSchema }),
  ]),
  import: imported,
  export: exported,
  login: z.object({ signedIn: z.boolean(), signIn: s.signInViewSchema.optional() }),
  logout: z.object({ loggedOut: z.boolean(), revoked: z.boolean() }),
  "login-link": s.loginLinkSchema,
};
/** On standard error, when a verb with --json fails. */
const failure = z.object({ error: z.object({ code: z.string().optional(), message: z.string(), exitCode: z.int() }) });

function cliSchema(): Readonly<Record<string, unknown>> {
  const verbs = Object.entries(outputs).map(([verb, schema]) => [verb, plain(schema)] as const);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    description: "What holdfast prints on standard output with --json, by verb, and on standard error when it fails.",
    verbs: Object.fromEntries(verbs),
    failure: plain(failure),
  };
}

/** As it is printed and as docs/cli-schema.json holds it. */
export function cliSchemaPage(): string {
  return `${JSON.stringify(cliSchema(), null, 2)}\n`;
}

function plain(schema: z.ZodType): object {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: "output" });
  return rest;
}
