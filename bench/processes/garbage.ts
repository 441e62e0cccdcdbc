// Makes an idle Node process collect its garbage, through its inspector, so that what stays resident is what it holds. Node only.
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** For a process started with --inspect=127.0.0.1:0, which prints the inspector's address into its log. */
export async function collectGarbage(logFile: string): Promise<void> {
  const address = /Debugger listening on (ws:\S+)/.exec(await readFile(logFile, "utf8"))?.[1];
  if (address === undefined) throw new Error("the process has no inspector");
  const socket = new WebSocket(address);
  const opened = Promise.withResolvers<void>();
  socket.addEventListener("open", () => opened.resolve());
  socket.addEventListener("error", () => opened.reject(new Error("the inspector does not answer")));
  await opened.promise;
  for (let round = 1; round <= 2; round++) {
    const collected = Promise.withResolvers<void>();
    socket.addEventListener("message", () => collected.resolve(), { once: true });
    socket.send(JSON.stringify({ id: round, method: "HeapProfiler.collectGarbage" }));
    await collected.promise;
    // Freed pages go back to the system a little later.
    await delay(300);
  }
  socket.close();
}
