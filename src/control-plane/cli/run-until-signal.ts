// Keeps a command running until it is told to stop, and stops it in order.

/** Runs `stop` on SIGINT or SIGTERM and resolves when it is done; a second signal ends the process at once. */
export function runUntilSignal(stop: () => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    const onSignal = (): void => {
      if (stopping) process.exit(130);
      stopping = true;
      stop().then(resolve, reject);
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
  });
}
