// A bridge in front of the scripted stdio server, with its log in a file. The library entry starts it, as a program that embeds Holdfast does.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type HoldfastOptions, startHoldfast } from "../../src/index.ts";
import { temporaryDirectory } from "./process.ts";
import { openSession, type RawSession, type SessionOptions } from "./raw-client.ts";

export const scriptedServer = fileURLToPath(new URL("../fixtures/stdio/server.ts", import.meta.url));

export interface StdioBridge extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  session(options?: SessionOptions): Promise<CallingSession>;
  upgrade(): Promise<void>;
  /** Everything logged; whole only after `close`. */
  log(): string;
  close(): Promise<void>;
}

export interface CallingSession extends RawSession {
  /** Calls a tool; the text of its result, or the error as it stands. */
  call(name: string, args?: object): Promise<string>;
}

interface Answer {
  readonly result?: { readonly content?: readonly { readonly text: string }[] };
  readonly error?: object;
}

/** Of a server of any kind: with `url` it stands in front of that instead. */
type Extra = Partial<Extract<HoldfastOptions, { readonly command: string }>> & {
  readonly url?: string;
  readonly wire?: "auto" | "http-sse";
};

/** `faults` are the scripted server's arguments. */
export async function stdioBridge(faults: readonly string[] = [], options: Extra = {}): Promise<StdioBridge> {
  const resources = new AsyncDisposableStack();
  const { path } = resources.use(await temporaryDirectory());
  const logTo = join(path, "log");
  const { url, wire = "auto", ...others } = options;
  const child = { command: process.execPath, args: [scriptedServer, ...faults], logTo, ...others };
  const bridge = await startHoldfast(url === undefined ? child : { logTo, ...others, url, wire });
  let log = "";
  const close = async () => {
    await bridge.close();
    // A quiet one may have had nothing to tell.
    if (log === "" && existsSync(logTo)) log = readFileSync(logTo, "utf8");
    await resources.disposeAsync();
  };
  return {
    url: bridge.url,
    port: bridge.port,
    upgrade: () => bridge.upgrade(),
    session: async (sessionOptions) => calling(await openSession(bridge.url, sessionOptions)),
    log: () => (log === "" ? readFileSync(logTo, "utf8") : log),
    close,
    [Symbol.asyncDispose]: close,
  };
}

export function calling(session: RawSession): CallingSession {
  let lastId = 1_000;
  return {
    ...session,
    async call(name, args = {}) {
      lastId += 1;
      const id = lastId;
      const answer = await session.post(callBody(id, name, args));
      const isStream = String(answer.headers["content-type"]).startsWith("text/event-stream");
      const texts = isStream ? [...answer.text.matchAll(/^data: (.+)$/gm)].map(([, data = ""]) => data) : [answer.text];
      const message: Answer | undefined = texts.map((each) => JSON.parse(each)).find((each) => each.id === id);
      if (message === undefined) return answer.text;
      return message.result?.content?.[0]?.text ?? JSON.stringify(message.error ?? message.result);
    },
  };
}

export function callBody(id: string | number, name: string, args: object = {}, meta?: object): string {
  const params = { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) };
  return JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
}

/** Resolves when no process of that id is left. */
export async function gone(pid: number, withinMs = 10_000): Promise<void> {
  for (const end = Date.now() + withinMs; isAlive(pid); ) {
    if (Date.now() > end) throw new Error(`process ${pid} lives on after ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
