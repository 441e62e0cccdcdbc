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
  const written = [...new Set(words.flatMap(spellings))];
  // The longest first: what is left of it would not be found any more.
  written.sort((a, b) => b.length - a.length);
  return written.reduce((rest, word) => rest.replaceAll(word, hidden), text);
}

/** As an answer may spell it: plain, inside JSON (some escape slashes as well), in a URL, in base64. */
function spellings(word: string): readonly string[] {
  const inJson = JSON.stringify(word).slice(1, -1);
  const inUrl = encodeURIComponent(word.toWellFormed());
  const inBase64 = Buffer.from(word).toString("base64").replace(/=+$/, "");
  return [word, inJson, inJson.replaceAll("/", "\\/"), inUrl, inBase64];
}
