// A real legacy client (SDK 1.x) that answers what a server asks of it and keeps what it is told.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  type ElicitResult,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { textOf } from "./tool-result.ts";

export interface AskedClient extends AsyncDisposable {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
  /** The text of a tool's answer. */
  call(name: string, args?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Questions to its user, in order. */
  readonly asked: string[];
  readonly logs: unknown[];
  /** `tools` or the URI of a resource, for each change that was announced. */
  readonly changes: string[];
  /** Resolves when that many changes of this kind have been announced in all. */
  changed(what: string, times?: number): Promise<void>;
}

/** `answer`: what the user does with a question. Default: accepts as `user 1`, `user 2`... */
export async function askedClient(
  url: string,
  answer?: (message: string) => ElicitResult | Promise<ElicitResult>,
): Promise<AskedClient> {
  const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
  const client = new Client({ name: "holdfast-tests", version: "1.0.0" }, { capabilities });
  const asked: string[] = [];
  const logs: unknown[] = [];
  const changes: string[] = [];
  const waiting = new Set<() => void>();
  const note = (what: string): void => {
    changes.push(what);
    for (const look of waiting) look();
  };
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked.push(params.message);
    return answer?.(params.message) ?? { action: "accept", content: { name: `user ${asked.length}` } };
  });
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    role: "assistant",
    model: "none",
    content: { type: "text", text: "said" },
  }));
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: "file:///root" }] }));
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void logs.push(params.data));
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => note("tools"));
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => note(params.uri));
  const transport = new StreamableHTTPClientTransport(new URL(url));
  await client.connect(transport);
  return {
    client,
    transport,
    asked,
    logs,
    changes,
    call: async (name, args = {}) => textOf(await client.callTool({ name, arguments: args })),
    changed: (what, times = 1) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (changes.filter((change) => change === what).length < times) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    [Symbol.asyncDispose]: () => client.close().catch(() => undefined),
  };
}
