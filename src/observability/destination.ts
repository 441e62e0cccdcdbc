// Where log lines go: a buffered file or stream that is written at least every 100 ms. A log that cannot be written never stops the process.
import { openSync, writeSync } from "node:fs";
import { destination as pinoDestination } from "pino";

/** One write for some thirty lines. */
const batchLength = 64 * 1024;
/** What may wait for a reader that has stalled; more is dropped and counted. */
const maxWaitingBytes = 8 * 1024 * 1024;
const flushAfterMs = 100;
const closeTimeoutMs = 2_000;

export interface Destination {
  readonly write: (line: string) => void;
  /** Batches of lines lost since the last call. */
  takeDropped(): number;
  close(): Promise<void>;
}

/** @throws Error when the file cannot be opened, so that a mistyped path is told at start. */
export function openDestination(target: number | string): Destination {
  const fd = typeof target === "number" ? target : openSync(target, "a", 0o600);
  const stream = pinoDestination({ dest: fd, sync: false, maxLength: maxWaitingBytes });
  let dropped = 0;
  let broken = false;
  // Lines are joined here: the stream measures its whole buffer again for each write it is given.
  let batch = "";
  let timer: NodeJS.Timeout | undefined;
  stream.on("drop", () => (dropped += 1));
  stream.on("error", () => {
    // A full disk or a closed pipe: the lines are lost, the proxy goes on.
    if (broken) return;
    broken = true;
    // A live stream would try at exit to write its rest, again and again for as long as the disk is full.
    stream.destroy();
  });

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (!broken && batch !== "") stream.write(batch);
    batch = "";
  };
  const writeLast = () => {
    try {
      if (!broken && batch !== "") writeSync(fd, batch);
    } catch {
      // The process ends; nobody is left to be told.
    }
  };
  // Whoever calls process.exit() gives no time for anything asynchronous.
  process.once("exit", writeLast);
  return {
    write(line) {
      batch += line;
      if (batch.length >= batchLength) flush();
      else timer ??= setTimeout(flush, flushAfterMs).unref();
    },
    takeDropped() {
      const count = dropped;
      dropped = 0;
      return count;
    },
    close() {
      flush();
      process.off("exit", writeLast);
      return new Promise((resolve) => {
        if (broken) return resolve();
        const done = () => {
          clearTimeout(limit);
          resolve();
        };
        // Nobody reads the pipe: the process must still be able to end.
        const limit = setTimeout(done, closeTimeoutMs);
        stream.once("close", done);
        stream.once("error", done);
        stream.end();
      });
    },
  };
}
