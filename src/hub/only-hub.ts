// Two hubs on one data directory would start every server twice and overwrite each other's file: the second does not start, and says where the first is.
import { setTimeout as wait } from "node:timers/promises";
import { findHub, type HubOptions, withdrawHub } from "../config/index.ts";
import { monotonicMs } from "../protocol/index.ts";
import { StoreError, takeHubLock } from "../store/index.ts";

const askAgainMs = 50;
/** Beyond its drain, what a hub needs to end sessions and children. */
const endMs = 10_000;

/**
 * Held until it is disposed of, or the process is gone. A hub that is about to end, which it says by taking its file away, is waited for.
 * @throws StoreError locked
 */
export async function assertOnlyHub({ dataDir, drainTimeoutMs }: HubOptions): Promise<Disposable> {
  const untilMs = monotonicMs() + drainTimeoutMs + endMs;
  for (;;) {
    const lock = takeHubLock(dataDir);
    const other = findHub(dataDir);
    if (lock !== undefined) {
      // What a killed hub has left would send the next one that asks to nobody.
      if (other !== undefined) withdrawHub(dataDir, other.pid);
      return lock;
    }
    if (other !== undefined || monotonicMs() > untilMs) {
      const where = other === undefined ? "" : ` at ${other.url} (process ${other.pid})`;
      throw new StoreError(
        "locked",
        `A hub runs on ${dataDir} already${where}. Use that one, stop it, or give this one another --data-dir.`,
      );
    }
    await wait(askAgainMs);
  }
}
