// Keeps a command running until it is told to stop, and stops it in order; tells a terminal that was closed from somebody who sends SIGHUP.
import { closeSync, openSync } from "node:fs";
import { isatty } from "node:tty";

/**
 * Runs `stop` on SIGINT or SIGTERM and resolves when it is done; a second signal ends the process at once. SIGHUP runs `upgrade`, where there is one;
 * a terminal sends it too when it is closed, and then it means to stop.
 */
export function runUntilSignal(stop: () => Promise<void>, upgrade?: () => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    const begin = (): void => {
      stopping = true;
      stop().then(resolve, reject);
    };
    const onSignal = (): void => {
      if (stopping) process.exit(130);
      begin();
    };
    if (upgrade !== undefined) {
      onHangup({
        // The kernel and a shell may both send it.
        closed: () => void (stopping || begin()),
        asked: () => void (stopping || upgrade().catch(reject)),
      });
    }
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}

/** What SIGHUP means: `closed`, the terminal of this process has gone away; `asked`, somebody has sent it. */
export function onHangup({ closed, asked }: { readonly closed: () => void; readonly asked: () => void }): void {
  const before = terminals();
  process.on("SIGHUP", () => {
    // Windows has no other reason for it than a console that was closed.
    const isClosed = process.platform === "win32" || before.some((terminal) => !terminals().includes(terminal));
    if (isClosed) closed();
    else asked();
  });
}

/** A terminal that is gone is none any more. The one that controls the process counts as well: its standard streams may all be pipes. */
function terminals(): readonly (number | "controlling")[] {
  const streams = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  return hasControllingTerminal() ? [...streams, "controlling"] : streams;
}

function hasControllingTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
