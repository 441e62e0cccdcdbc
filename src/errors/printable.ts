// Makes text from outside safe to show: no control or bidirectional character survives, and length is bounded. Knows nothing of where it is shown.

/** C0, DEL, C1, line and paragraph separators, zero-width and bidirectional marks, lone surrogates. */
// oxlint-disable-next-line no-control-regex -- finding control characters is the purpose
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu;
// oxlint-disable-next-line no-control-regex -- as above
const suspicious = /[\u0000-\u001f\u007f-\uffff]/;
const ellipsis = "...";

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Plain ASCII within the limit, which is nearly everything, costs one test and no copy. */
export function printable(text: string, maxLength: number): string {
  const cut = text.length > maxLength ? text.slice(0, maxLength - ellipsis.length) + ellipsis : text;
  if (!suspicious.test(cut)) return cut;
  const safe = cut.replace(unsafe, escaped);
  return safe.length > maxLength ? safe.slice(0, maxLength - ellipsis.length) + ellipsis : safe;
}

/** The first `maxBytes` of a server's answer; a character cut in two is dropped. */
export function bodyHead(body: string | Uint8Array, maxBytes = 300): string {
  // Four bytes are the longest character, so this much text always holds the wanted bytes.
  const bytes = typeof body === "string" ? Buffer.from(body.slice(0, maxBytes)) : body;
  const text = new TextDecoder().decode(bytes.subarray(0, maxBytes), { stream: true });
  return printable(text, Number.POSITIVE_INFINITY);
}
