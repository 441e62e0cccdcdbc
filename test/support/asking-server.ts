// A legacy server of a test's own words: what a call is answered with is the test's business, and what the server says of its own accord goes on the session's GET stream.
import type { ServerResponse } from "node:http";
import { answerJson, openEvents, type RawServer, type Seen, startRawServer } from "./raw-server.ts";

export interface ToolCall {
  /** As it reached the server, JSON text. */
  readonly id: string;
  readonly name: string;
  readonly session: string;
  readonly response: ServerResponse;
  /** Ends the call with this result or error, JSON text of the whole member. */
  readonly answer: (member: string) => void;
}

export interface AskingServer extends AsyncDisposable {
  readonly url: string;
  readonly raw: RawServer;
  readonly calls: readonly ToolCall[];
  /** Answers to questions of the server, as they came. */
  readonly answers: readonly string[];
  /** Writes a message on the session's GET stream once that is open. */
  tell(session: string, message: string): Promise<void>;
  /** Resolves as soon as `condition` holds; looked at whenever something reaches the server. */
  until(condition: () => boolean): Promise<void>;
}

export const text = (said: string) => `"result":{"content":[{"type":"text","text":${JSON.stringify(said)}}]}`;

const sessionOf = ({ headers }: Seen) => String(headers["mcp-session-id"]);

/** `streamsAre`: "silent" ones are taken and never begun. */
export async function startAskingServer(
  onCall: (call: ToolCall) => void = () => {},
  streamsAre: "open" | "silent" = "open",
): Promise<AskingServer> {
  const calls: ToolCall[] = [];
  const answers: string[] = [];
  const streams = new Map<string, ServerResponse>();
  const waiting: (() => void)[] = [];
  const respond = (seen: Seen, response: ServerResponse): void => {
    take(seen, response);
    for (const look of waiting.splice(0)) look();
  };
  const take = (seen: Seen, response: ServerResponse): void => {
    const body = seen.body.toString();
    if (seen.method === "GET" && streamsAre === "silent") return;
    if (seen.method === "GET") return void streams.set(sessionOf(seen), openEvents(response));
    if (seen.method !== "POST") return void response.writeHead(200).end();
    // It is no modern server, and says so as such servers do.
    if (seen.headers["mcp-method"] !== undefined) return void response.writeHead(400).end("no session");
    const message: { id?: unknown; method?: string; params?: { name?: string } } = JSON.parse(body);
    const id = JSON.stringify(message.id);
    if (message.method === undefined) answers.push(body);
    if (message.method === undefined || message.id === undefined) return void response.writeHead(202).end();
    const answer = (member: string) => answerJson(response, `{"jsonrpc":"2.0","id":${id},${member}}`);
    if (message.method !== "tools/call") return answer('"result":{"tools":[]}');
    const call = { id, name: message.params?.name ?? "", session: sessionOf(seen), response, answer };
    calls.push(call);
    onCall(call);
  };
  const raw = await startRawServer({ respond });
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return {
    url: raw.url,
    raw,
    calls,
    answers,
    until,
    tell: async (session, message) => {
      await until(() => streams.has(session));
      streams.get(session)?.write(`data: ${message}\n\n`);
    },
    [Symbol.asyncDispose]: () => raw[Symbol.asyncDispose](),
  };
}
