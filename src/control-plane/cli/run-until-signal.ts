// Keeps a command running until it is told to stop, and stops it in order.
import { isatty } from "node:tty";

/**
 * Runs `stop` on SIGINT or SIGTERM and resolves when it is done; a second signal ends the process at once. SIGHUP runs `upgrade`, where there is one;
 * a terminal sends it too when it is closed, and then it means to stop.
 */
export function runUntilSignal(stop: () => Promise<void>, upgrade?: () => Promise<void>): Promise<void> {
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  return new Promise((resolve, reject) => {
    let stopping = false;
    const onSignal = (): void => {
      if (stopping) process.exit(130);
      stopping = true;
      stop().then(resolve, reject);
    };
    if (upgrade !== undefined) {
      process.on("SIGHUP", () => {
        // A terminal that is gone is none any more.
        if (!terminals.every((descriptor) => isatty(descriptor))) onSignal();
        else if (!stopping) upgrade().catch(reject);
      });
    }
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}
