// Starts a server's processes and bounds how often: one that keeps ending is started ever more rarely, and whoever asks meanwhile is told why.
import type { StdioAddress } from "../../config/index.ts";
import { monotonicMs } from "../../protocol/index.ts";
import { wholeReply } from "./push-body.ts";
import { type ProcessHooks, ServerProcess } from "./server-process.ts";
import type { Refused, Wire, WireEvents, WireOpener } from "./wire.ts";
import { WireFault } from "./wire-fault.ts";

const firstPauseMs = 250;
const longestPauseMs = 10_000;
/** Ends in a row, each before anything was served, after which nobody is kept waiting any more. */
const patience = 5;

export interface StdioOptions {
  /** Longest line that is read. */
  readonly maxMessageBytes: number;
  readonly tell: ProcessHooks["tell"];
}

export function openStdio(address: StdioAddress, options: StdioOptions): WireOpener {
  const running = new Set<ServerProcess>();
  const patienceLeft = new Patience();
  let isClosed = false;

  const start = async (events: WireEvents, over: ProcessHooks["over"]): Promise<Wire | Refused> => {
    if (isClosed) return notSent(new Error("ended before it was started"));
    try {
      const child: ServerProcess = await ServerProcess.start(address, options.maxMessageBytes, events, {
        tell: options.tell,
        over: (answers, byItself) => {
          over(answers, byItself);
          void child.close().then(() => running.delete(child));
        },
      });
      running.add(child);
      return child;
    } catch (error) {
      return notSent(error as Error);
    }
  };

  return {
    name: "stdio",
    origin: "stdio:",
    async open(_headers, events, signal): Promise<Wire | Refused> {
      const paused = patienceLeft.pause();
      if (paused !== undefined && patienceLeft.isOver) return notSent(paused.fault);
      if (paused !== undefined) await delay(paused.leftMs, signal);
      if (signal?.aborted === true) return notSent(new Error("ended before it was started"));
      return start(events, (answers, byItself) => patienceLeft.ended(answers, byItself));
    },
    openAside(_headers, events) {
      const paused = patienceLeft.pause();
      if (paused !== undefined && patienceLeft.isOver) return Promise.resolve(notSent(paused.fault));
      return start(events, () => {});
    },
    probe() {
      const paused = patienceLeft.pause();
      return Promise.resolve(paused === undefined ? wholeReply(204, "", "") : notSent(paused.fault));
    },
    async close() {
      isClosed = true;
      await Promise.all([...running].map((child) => child.close()));
    },
  };
}

/** How long the next start has to wait, after those that came to nothing. */
class Patience {
  #fruitless = 0;
  #notBeforeMs = 0;
  #lastEnd: WireFault | undefined;

  get isOver(): boolean {
    return this.#fruitless >= patience;
  }

  ended(answers: number, byItself: WireFault | undefined): void {
    // One that answered initialize until it was ended, or more than that, is a good one.
    const isGood = answers > (byItself === undefined ? 0 : 1);
    if (isGood) this.#fruitless = 0;
    if (byItself === undefined || isGood) return;
    this.#fruitless += 1;
    this.#lastEnd = byItself;
    this.#notBeforeMs = monotonicMs() + Math.min(firstPauseMs * 2 ** (this.#fruitless - 1), longestPauseMs);
  }

  pause(): { readonly leftMs: number; readonly fault: WireFault } | undefined {
    const leftMs = this.#notBeforeMs - monotonicMs();
    const lastEnd = this.#lastEnd;
    if (leftMs <= 0 || lastEnd === undefined) return undefined;
    const detail = `${lastEnd.message} The next start is in ${Math.ceil(leftMs / 1_000)} s.`;
    return { leftMs, fault: this.isOver ? new WireFault("SERVER_KEEPS_EXITING", detail, true) : lastEnd };
  }
}

function notSent(cause: Error): Refused {
  return { kind: "lost", sent: "nothing", cause };
}

function delay(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
