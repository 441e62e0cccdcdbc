// Has V8 look after the buffers of large bodies in time. Each read of a socket makes a buffer outside of V8's heap, and V8 collects young objects when their heap
// is full: a body that makes little other garbage leaves tens of megabytes of dead buffers behind before that (measured: 50 to 65 MB for one of 100 MB).

/** So many bytes of large pieces may be dead before they are collected. */
const collectAfterBytes = 8 * 1024 * 1024;
const largePieceBytes = 16 * 1024;

let passedBytes = 0;
let collectYoung: (() => void) | undefined;

/** A piece of a body was handed on. A small one leaves no more behind than its own objects do. */
export function notePassed(bytes: number): void {
  if (bytes < largePieceBytes) return;
  passedBytes += bytes;
  if (passedBytes < collectAfterBytes) return;
  passedBytes = 0;
  collectYoung ??= youngCollection();
  collectYoung();
}

/** V8's own function for it, which programs are given only when they ask. */
function youngCollection(): () => void {
  process.getBuiltinModule("node:v8").setFlagsFromString("--expose-gc");
  const collect: unknown = process.getBuiltinModule("node:vm").runInNewContext("gc");
  return typeof collect === "function" ? () => void collect({ type: "minor" }) : () => {};
}
