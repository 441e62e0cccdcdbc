// Puts a document into the data of one event while it passes: what its line breaks become, nothing else changes.

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
/** Beyond it one piece of memory is cheaper than many. */
const mostPieces = 16;
const dataLine = Buffer.from("\ndata: ");

export class LineBreaks {
  /** The chunk before ended with a CR, which may be half of a CRLF. */
  #isAfterCr = false;

  /** The chunk with each line break turned into the begin of another `data` line. */
  push(chunk: Buffer): readonly Buffer[] {
    const pieces: Buffer[] = [];
    let from = this.#isAfterCr && chunk[0] === lineFeed ? 1 : 0;
    this.#isAfterCr = chunk.at(-1) === carriageReturn;
    for (let at = from; at < chunk.length; at += 1) {
      if (chunk[at] !== lineFeed && chunk[at] !== carriageReturn) continue;
      if (at > from) pieces.push(chunk.subarray(from, at));
      pieces.push(dataLine);
      if (chunk[at] === carriageReturn && chunk[at + 1] === lineFeed) at += 1;
      from = at + 1;
    }
    if (from < chunk.length) pieces.push(from === 0 ? chunk : chunk.subarray(from));
    return pieces.length > mostPieces ? [Buffer.concat(pieces)] : pieces;
  }
}
