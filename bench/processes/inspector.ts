// Asks a Node process through its inspector. Knows the protocol's envelope, and nothing of what is asked.
import { readFile } from "node:fs/promises";

export interface Inspector extends AsyncDisposable {
  /** The result as the protocol describes it for this method. */
  ask(method: string, params?: Readonly<Record<string, unknown>>): Promise<unknown>;
}

/** For a process started with --inspect=127.0.0.1:0, which prints the inspector's address into its log. */
export async function openInspector(logFile: string): Promise<Inspector> {
  const address = /Debugger listening on (ws:\S+)/.exec(await readFile(logFile, "utf8"))?.[1];
  if (address === undefined) throw new Error("the process has no inspector");
  const socket = new WebSocket(address);
  const opened = Promise.withResolvers<void>();
  socket.addEventListener("open", () => opened.resolve());
  socket.addEventListener("error", () => opened.reject(new Error("the inspector does not answer")));
  await opened.promise;
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  socket.addEventListener("message", ({ data }) => {
    const { id, result, error } = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: unknown };
    const asked = id === undefined ? undefined : waiting.get(id);
    if (id !== undefined) waiting.delete(id);
    if (error === undefined) asked?.resolve(result);
    else asked?.reject(new Error(JSON.stringify(error)));
  });
  socket.addEventListener("close", () => {
    for (const asked of waiting.values()) asked.reject(new Error("the inspector is gone"));
  });
  let count = 0;
  return {
    ask(method, params = {}) {
      count += 1;
      const asked = Promise.withResolvers<unknown>();
      waiting.set(count, asked);
      socket.send(JSON.stringify({ id: count, method, params }));
      return asked.promise;
    },
    async [Symbol.asyncDispose]() {
      socket.close();
    },
  };
}
