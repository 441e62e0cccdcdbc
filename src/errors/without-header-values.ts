// Takes out of a server's words what it was sent: a server may repeat a credential in its answer, and the answer is shown.

const hidden = "***";
/** Shorter words are no credentials, and may stand in any answer. */
const leastLength = 8;

/** `headers`: flat names and values. Each word of a value is hidden by itself, for a server may repeat a part. `others`: what else is hidden. */
export function withoutHeaderValues(text: string, headers: readonly string[], others: readonly string[] = []): string {
  const values = headers.filter((_, index) => index % 2 === 1);
  const words = [...values.flatMap((value) => value.split(/\s+/)), ...others].filter(
    (word) => word.length >= leastLength,
  );
  // The longest first: what is left of it would not be found any more.
  words.sort((a, b) => b.length - a.length);
  return words.reduce((rest, word) => rest.replaceAll(word, hidden), text);
}
