// Where log lines go: a buffered file or stream that is written at least every 100 ms. A log that cannot be written never stops the process.
import { openSync, writeSync } from "node:fs";
import sonicBoom from "sonic-boom";
import { LineBatch } from "./line-batch.ts";

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

/** What the stream is in "buffer" mode, which its types leave out. */
interface ByteStream {
  write(bytes: Uint8Array): boolean;
  on(event: "drop" | "error", listener: () => void): void;
  once(event: "close" | "error", listener: () => void): void;
  end(): void;
  destroy(): void;
}

/** @throws Error when the file cannot be opened, so that a mistyped path is told at start. */
export function openDestination(target: number | string): Destination {
  const fd = typeof target === "number" ? target : openSync(target, "a", 0o600);
  const stream: ByteStream = Object(
    new sonicBoom.SonicBoom({ fd, sync: false, maxLength: maxWaitingBytes, contentMode: "buffer" }),
  );
  let dropped = 0;
  let broken = false;
  const batch = new LineBatch();
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
    const bytes = batch.take();
    if (!broken && bytes !== undefined) stream.write(bytes);
  };
  const writeLast = () => {
    try {
      const bytes = batch.take();
      if (!broken && bytes !== undefined) writeSync(fd, bytes);
    } catch {
      // The process ends; nobody is left to be told.
    }
  };
  // Whoever calls process.exit() gives no time for anything asynchronous.
  process.once("exit", writeLast);
  return {
    write(line) {
      if (!batch.add(line)) {
        flush();
        batch.renew(line);
        batch.add(line);
      }
      timer ??= setTimeout(flush, flushAfterMs).unref();
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
