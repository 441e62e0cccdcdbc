// Asks once more where the first is silent for long: a peer that went without a word swallows what it is sent, and nothing tells.

export interface SecondAsk<T> {
  readonly ask: (isSecond: boolean) => Promise<T>;
  readonly afterMs: number;
  /** It need not be waited for the other one. */
  readonly settles: (outcome: T, isSecond: boolean) => boolean;
  /** What came too late to count. */
  readonly spare: (outcome: T) => void;
}

/** The first outcome of the two that settles it; the later one if neither does. `ask` must not reject. */
export async function askTwice<T>({ ask, afterMs, settles, spare }: SecondAsk<T>): Promise<T> {
  const first = ask(false);
  if ((await within(first, afterMs)) === "settled") return first;
  return new Promise((resolve) => {
    let left = 2;
    const take = (outcome: T, isSecond: boolean): void => {
      if (left === 0) return spare(outcome);
      left = settles(outcome, isSecond) ? 0 : left - 1;
      if (left === 0) resolve(outcome);
    };
    void first.then((outcome) => take(outcome, false));
    void ask(true).then((outcome) => take(outcome, true));
  });
}

async function within(work: Promise<unknown>, limitMs: number): Promise<"settled" | "late"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, limitMs, "late" as const);
  });
  const outcome = await Promise.race([work.then(() => "settled" as const), late]);
  clearTimeout(timer);
  return outcome;
}
