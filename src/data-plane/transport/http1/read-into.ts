// What a socket reads into: Node's own way makes 64 KB for every read and a second buffer for what came, most of which is garbage after a small answer.
import type { OnReadOpts } from "node:net";

const readBytes = 64 * 1024;
/** For all connections: what was read is copied out of it before anything else is read. */
const shared = Buffer.allocUnsafeSlow(readBytes);

/** Each chunk is the taker's. Those of a body that comes faster than it is read are not copied. */
export function readInto(take: (chunk: Buffer) => void): OnReadOpts {
  let next = shared;
  return {
    buffer: () => next,
    callback(bytes) {
      const isOwn = next !== shared && bytes > readBytes / 2;
      const chunk = isOwn ? next.subarray(0, bytes) : copyOf(next, bytes);
      // Where one read was not enough, the next ones are of the same kind.
      next = bytes === readBytes ? Buffer.allocUnsafeSlow(readBytes) : shared;
      take(chunk);
      return true;
    },
  };
}

function copyOf(read: Buffer, bytes: number): Buffer {
  const copy = Buffer.allocUnsafe(bytes);
  read.copy(copy, 0, 0, bytes);
  return copy;
}
