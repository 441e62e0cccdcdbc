// A server that answers as the test says, Holdfast before it, and one session: the stage of the tests about streams that outlive a connection.
import type { ServerResponse } from "node:http";
import { type Holdfast, startHoldfast } from "../support/holdfast.ts";
import { ownIds } from "../support/own-ids.ts";
import { type OpenAnswer, openSession, type RawSession, type SessionOptions } from "../support/raw-client.ts";
import { openEvents, type RawServer, type Respond, startRawServer } from "../support/raw-server.ts";

export interface Stage extends AsyncDisposable {
  readonly server: RawServer;
  readonly holdfast: Holdfast;
  readonly session: RawSession;
  /** The server's ends of the GET streams, oldest first. */
  readonly gets: readonly ServerResponse[];
  /** The server's ends of the tool calls, oldest first; nothing has been answered. */
  readonly calls: readonly ServerResponse[];
}

export interface StageOptions extends SessionOptions {
  readonly args?: readonly string[];
  /** Default: keeps tool calls open, as `calls`, and accepts notifications. */
  readonly respond?: Respond;
}

/** A server without event ids of its own, unless the test writes some. */
export async function openStage({ args = [], respond, ...options }: StageOptions = {}): Promise<Stage> {
  await using resources = new AsyncDisposableStack();
  const gets: ServerResponse[] = [];
  const calls: ServerResponse[] = [];
  const server = resources.use(
    await startRawServer({
      protocolVersion: options.version ?? "2025-11-25",
      respond: (seen, response) => {
        if (seen.method === "GET") gets.push(openEvents(response));
        else if (seen.method === "DELETE") response.writeHead(200).end();
        else if (respond !== undefined) void respond(seen, response);
        else if (seen.body.includes("tools/call")) calls.push(response);
        else response.writeHead(202).end();
      },
    }),
  );
  const holdfast = resources.use(await startHoldfast(server.url, { args }));
  const session = await openSession(holdfast.url, options);
  const owned = resources.move();
  return { server, holdfast, session, gets, calls, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

export const call = (id: number | string) =>
  JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "any" } });
export const progress = (step: number) =>
  `data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":${step}}}\n\n`;
export const result = (id: number | string, value: unknown = {}) =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${JSON.stringify(value)}}`;
export const news = (name: string) => `data: {"jsonrpc":"2.0","method":"news/${name}"}\n\n`;

/** A GET, as a client sends it that read everything up to this event. */
export function listen(session: RawSession, lastEventId?: string): Promise<OpenAnswer> {
  const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  return session.open({ method: "GET", headers: { accept: "text/event-stream", ...headers } });
}

export const lastOwnId = (text: string): string => ownIds(text).at(-1) ?? "";

/** Waits for the next one that the server is asked. */
export async function nth<T>(list: readonly T[], count: number): Promise<T> {
  const deadlineMs = Date.now() + 15_000;
  for (;;) {
    const found = list[count - 1];
    if (found !== undefined) return found;
    if (Date.now() > deadlineMs) throw new Error(`the server was never asked a ${count}. time`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
