// The contract of the REST API: what goes in and out, as schemas that validate it, document it and type the page and the command line. Imports zod only.
import { z } from "zod";
import { exchangeSchema, restoreSchema } from "./inspector-schema.ts";
import { count, milliseconds, time } from "./schema-parts.ts";

export * from "./inspector-schema.ts";

/** Stands in the path `/c/NAME/mcp` as it is, so it needs no escape. */
export const connectorNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    "A name is 1 to 64 letters, digits, dots, hyphens or underscores, and begins with a letter or a digit.",
  );

// What a user gives. Every text here may be secret: it is stored encrypted and no answer holds it.

/** Holds no `${VAR}`: whoever may use the API may not read the hub's environment with it. The command line writes such a connector to the store itself. */
const secretText = z.string().min(1).max(8_192);

export const newServerSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("http"),
    url: secretText,
    wire: z.enum(["auto", "streamable-http", "http-sse"]).default("auto"),
  }),
  z.strictObject({ kind: z.literal("websocket"), url: secretText }),
  z.strictObject({
    kind: z.literal("stdio"),
    command: secretText,
    args: z.array(z.string().max(8_192)).max(256).default([]),
    env: z.record(z.string(), z.string().max(32_768)).default({}),
    cwd: z.string().min(1).max(4_096).optional(),
    /** One child for all sessions instead of one each. */
    share: z.boolean().default(false),
  }),
]);

const optionFields = {
  /** Believe the server's tool annotations when deciding what may run twice. */
  trusted: z.boolean(),
  recovery: z.enum(["transparent", "notify", "strict"]),
  /** How long a request may wait for a server that is away. */
  recoveryWindowMs: z.int().min(0).max(3_600_000),
  maxSessions: z.int().min(1).max(10_000_000),
  idleTimeoutMs: z.int().min(1_000).max(31_536_000_000),
  /** Of servers on stdio, HTTP+SSE and WebSocket: their largest message, and how long they may take to start and answer initialize. */
  maxMessageBytes: z
    .int()
    .min(1_024)
    .max(2 ** 30),
  startTimeoutMs: z.int().min(100).max(3_600_000),
};

export const connectorOptionsSchema = z.strictObject(optionFields);
const someOptions = z.strictObject(optionFields).partial();

export const wantedSchema = z.enum(["connected", "disconnected"]);

const headersSchema = z.record(z.string().min(1).max(256), z.string().max(16_384));

export const newConnectorSchema = z.strictObject({
  name: connectorNameSchema,
  server: newServerSchema,
  /** Sent with every request to the server. */
  headers: headersSchema.default({}),
  options: someOptions.default({}),
  wanted: wantedSchema.default("connected"),
});

/** What is left out stays as it is; `server` and `headers` are replaced whole. A new server ends all sessions. */
export const connectorChangeSchema = z.strictObject({
  server: newServerSchema.optional(),
  headers: headersSchema.optional(),
  options: someOptions.optional(),
});

// What the hub answers.

/** The shown part of a server's address: never a path, a query, an argument or a value. */
export const serverViewSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("http"), origin: z.string(), wire: z.enum(["auto", "streamable-http", "http-sse"]) }),
  z.object({ kind: z.literal("websocket"), origin: z.string() }),
  z.object({
    kind: z.literal("stdio"),
    /** The program's file name. */
    command: z.string(),
    argCount: count,
    envNames: z.array(z.string()),
    share: z.boolean(),
  }),
]);

/** The head of what a server answered, made printable. */
export const lastAnswerSchema = z.object({
  at: time,
  /** HTTP status; absent where the server answered nothing. */
  status: z.int().optional(),
  head: z.string(),
});

export const statusKindSchema = z.enum([
  "connected",
  "connecting",
  "recovering",
  "needs-sign-in",
  "unreachable",
  "disconnected",
]);

/** Evidence, not opinion: what was seen, and when. A restore of less than a second never shows as `recovering`. */
export const statusSchema = z.object({
  kind: statusKindSchema,
  since: time,
  /** When a real exchange with the server last succeeded. */
  lastGoodAt: time.optional(),
  lastAnswer: lastAnswerSchema.optional(),
  nextTryAt: time.optional(),
  /** A code of docs/errors.md. */
  errorCode: z.string().optional(),
  /** One sentence that says what is the case. */
  summary: z.string(),
  /** What to do about it, where there is something to do. */
  action: z.string().optional(),
});

/** A sign-in at the connector's server, by what may be shown of it: no token, and no address but an origin. */
export const signInViewSchema = z.object({
  /** Origin of the authorization server. */
  issuer: z.string(),
  since: time,
  /** As whom, where the authorization server says so. */
  subject: z.string().optional(),
  scope: z.string().optional(),
  /** Of the credential that is in use. */
  expiresAt: time.optional(),
  /** A new credential is fetched before this one expires. */
  isRenewable: z.boolean(),
  /** Why its user has to sign in again, or why it cannot be used at present. */
  trouble: z.object({ code: z.string(), at: time, sentence: z.string() }).optional(),
});

export const connectorSchema = z.object({
  name: connectorNameSchema,
  /** Of this connector's whole life: one that is removed and added again has another. */
  id: z.string(),
  server: serverViewSchema,
  headerNames: z.array(z.string()),
  options: connectorOptionsSchema,
  /** `file`: kept in the file that was given with --config, and read-only but for connect and disconnect. */
  source: z.enum(["store", "file"]),
  wanted: wantedSchema,
  /** Rises with every change; also the ETag. */
  generation: z.int().positive(),
  createdAt: time,
  changedAt: time,
  /** URLs for clients. */
  endpoints: z.object({ mcp: z.string(), sse: z.string(), ws: z.string() }),
  status: statusSchema,
  /** Absent where nobody is signed in. */
  signIn: signInViewSchema.optional(),
  sessions: count,
  /** What its exchanges ask and answer is kept by the inspector at present. */
  keepsBodies: z.boolean(),
});
export const connectorListSchema = z.object({ connectors: z.array(connectorSchema) });

export const sessionSchema = z.object({
  /** The short keyed hash that stands in the log, never the id. */
  session: z.string(),
  connector: z.string(),
  /** As `user_id` in the log. */
  user: z.string(),
  clientName: z.string().optional(),
  clientVersion: z.string().optional(),
  /** As the client and the server agreed on it. */
  protocolVersion: z.string(),
  generation: z.int().positive(),
  openedAt: time,
  lastSeenAt: time,
  /** `stored`: waits on disk for its client since the hub's last start. */
  status: z.enum(["operating", "recovering", "lost", "stored"]),
  /** Of the status. */
  since: time,
  lastGoodAt: time.optional(),
  inFlight: count,
  hasStream: z.boolean(),
  /** The next request to the server carries a dead id ("break it"). */
  broken: z.boolean(),
});
export const sessionListSchema = z.object({ sessions: z.array(sessionSchema) });

export const toolSchema = z.object({
  name: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  readOnly: z.boolean().optional(),
  destructive: z.boolean().optional(),
  idempotent: z.boolean().optional(),
});
/** Asked on a session of the hub's own, which is ended at once. */
export const toolListSchema = z.object({
  at: time,
  serverName: z.string().optional(),
  serverVersion: z.string().optional(),
  protocolVersion: z.string().optional(),
  tools: z.array(toolSchema),
});

export const testResultSchema = z.object({ ok: z.boolean(), elapsedMs: milliseconds, status: statusSchema });

/** Sessions when the program was started anew: `failed` ones stay on the old process, `left` ones were being restored or ended and needed no move. */
export const upgradeResultSchema = z.object({
  moved: count,
  failed: count,
  left: count,
  elapsedMs: milliseconds,
});

export const doctorStepSchema = z.object({
  step: z.enum(["config", "spawn", "dns", "tcp", "tls", "http", "initialize", "list", "bogus-session"]),
  outcome: z.enum(["ok", "failed", "skipped"]),
  ms: milliseconds,
  /** One sentence: what was seen. */
  sentence: z.string(),
  status: z.int().optional(),
  head: z.string().optional(),
});
export const doctorReportSchema = z.object({
  connector: z.string(),
  at: time,
  ok: z.boolean(),
  steps: z.array(doctorStepSchema),
  /** One sentence: which step failed, or that none did. */
  verdict: z.string(),
  action: z.string().optional(),
});

/** For the chart. One point per step, oldest first; steps without anything are there with zeros. */
export const statsSchema = z.object({
  stepMs: z.int().positive(),
  points: z.array(
    z.object({ at: time, calls: count, errors: count, losses: count, restores: count, restoresFailed: count }),
  ),
});

export const settingsSchema = z.object({
  version: z.string(),
  url: z.string(),
  startedAt: time,
  dataDir: z.string(),
  /** The connectors' file, where one was given. */
  configFile: z.string().optional(),
  /** What is wrong with that file; its last good state goes on. */
  configProblem: z.string().optional(),
  allowStdioOverApi: z.boolean(),
  allowPrivateAddresses: z.array(z.string()),
  /** MCP endpoints ask for an API token. */
  clientsNeedToken: z.boolean(),
  /** Exchanges that the inspector keeps per connector. */
  keepExchanges: z.int().min(0).max(10_000),
  /** What the inspector may keep of bodies per connector, where somebody switches that on; 0 lets nobody. */
  keepBodyBytes: z.int().min(0).max(67_108_864),
  /** A connector without traffic is asked this often whether its server lives; 0 never. */
  probeIntervalMs: z.int().min(0).max(86_400_000),
});
export const settingsChangeSchema = z.strictObject({
  keepExchanges: z.int().min(0).max(10_000).optional(),
  keepBodyBytes: z.int().min(0).max(67_108_864).optional(),
  probeIntervalMs: z.int().min(0).max(86_400_000).optional(),
});

export const roleSchema = z.enum(["user", "admin"]);
export const userNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/, "A user's name is 1 to 64 letters, digits or one of . _ @ -");
export const newTokenSchema = z.strictObject({
  user: userNameSchema,
  label: z.string().max(100).default(""),
  /** `user` may use the MCP endpoints; `admin` may manage the hub as well. */
  role: roleSchema.default("user"),
});
export const tokenSchema = z.object({
  id: z.string(),
  user: userNameSchema,
  label: z.string(),
  role: roleSchema,
  createdAt: time,
  lastUsedAt: time.optional(),
});
export const tokenListSchema = z.object({ tokens: z.array(tokenSchema) });
/** `secret` is shown this once; only its hash is kept. */
export const createdTokenSchema = tokenSchema.extend({ secret: z.string() });

/** `clientId` (with `clientSecret`) as the authorization server gave it out, for one that lets no program register; kept with the sign-in. */
export const newSignInSchema = z.strictObject({
  clientId: z.string().min(1).max(2_048).optional(),
  clientSecret: z.string().min(1).max(2_048).optional(),
  /** Rights to ask for, with spaces between; as the server says where it is left out. */
  scope: z
    .string()
    .regex(/^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/, "Rights are words with single spaces between.")
    .max(2_048)
    .optional(),
});
/** The link is to be opened in a browser, once, before it expires. */
export const begunSignInSchema = z.object({ id: z.string(), authorizationUrl: z.string(), expiresAt: time });
export const signInProgressSchema = z.object({
  state: z.enum(["waiting", "done", "failed"]),
  /** While it waits. */
  expiresAt: time.optional(),
  /** A code of docs/errors.md, with its sentence, where it failed. */
  code: z.string().optional(),
  detail: z.string().optional(),
});
/** `revoked`: the authorization server says that it has forgotten the credential as well. */
export const signedOutSchema = z.object({ signedOut: z.boolean(), revoked: z.boolean() });

export const whoamiSchema = z.object({ user: z.string(), role: roleSchema, by: z.enum(["cookie", "token"]) });
/** `code` stands behind # in the link (/login#CODE) that `holdfast serve` prints; it serves once. */
export const loginSchema = z.strictObject({ code: z.string().min(1).max(200) });

/** Serves once, within ten minutes. */
export const loginLinkSchema = z.object({ url: z.string() });

/** RFC 9457, sent as application/problem+json. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  /** A code of docs/errors.md. */
  code: z.string(),
  /** What of the input is wrong, field by field. */
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

/**
 * What GET /api/v1/events sends: the SSE event's name is `type`, its data this object. It begins with `snapshot`, also after a reconnect, so nothing
 * needs to be remembered between streams. `?connector=NAME` narrows it.
 */
export const liveEventSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("snapshot"), connectors: z.array(connectorSchema) }),
  z.object({ type: z.literal("connector"), connector: connectorSchema }),
  z.object({ type: z.literal("connector-removed"), name: z.string() }),
  z.object({ type: z.literal("session"), session: sessionSchema }),
  z.object({ type: z.literal("session-ended"), connector: z.string(), session: z.string() }),
  z.object({ type: z.literal("exchange"), exchange: exchangeSchema }),
  z.object({ type: z.literal("restore"), restore: restoreSchema }),
]);

export type ServerInput = z.input<typeof newServerSchema>;
export type NewConnector = z.output<typeof newConnectorSchema>;
export type NewConnectorInput = z.input<typeof newConnectorSchema>;
export type ConnectorChange = z.output<typeof connectorChangeSchema>;
export type ServerView = z.output<typeof serverViewSchema>;
export type ConnectorStatus = z.output<typeof statusSchema>;
export type StatusKind = z.output<typeof statusKindSchema>;
export type ConnectorView = z.output<typeof connectorSchema>;
export type SessionView = z.output<typeof sessionSchema>;
export type Tool = z.output<typeof toolSchema>;
export type ToolList = z.output<typeof toolListSchema>;
export type TestResult = z.output<typeof testResultSchema>;
export type UpgradeResult = z.output<typeof upgradeResultSchema>;
export type DoctorStep = z.output<typeof doctorStepSchema>;
export type DoctorReport = z.output<typeof doctorReportSchema>;
export type Stats = z.output<typeof statsSchema>;
export type Settings = z.output<typeof settingsSchema>;
export type SettingsChange = z.output<typeof settingsChangeSchema>;
export type NewTokenInput = z.input<typeof newTokenSchema>;
export type Token = z.output<typeof tokenSchema>;
export type CreatedToken = z.output<typeof createdTokenSchema>;
export type SignInView = z.output<typeof signInViewSchema>;
export type NewSignIn = z.output<typeof newSignInSchema>;
export type BegunSignIn = z.output<typeof begunSignInSchema>;
export type SignInProgress = z.output<typeof signInProgressSchema>;
export type SignedOut = z.output<typeof signedOutSchema>;
export type LoginLink = z.output<typeof loginLinkSchema>;
export type Whoami = z.output<typeof whoamiSchema>;
export type Problem = z.output<typeof problemSchema>;
export type LiveEvent = z.output<typeof liveEventSchema>;
