// What Holdfast adds to an event stream and what it takes out of it: its own event ids in place of the server's. Imports nothing from src.

const ownId = /(?<=^|\n|\r)id: ([as][\w-]{8,40}\.\d+(?:\.[\w-]*)?(?:\.end)?)\n/g;
const priming =
  /(?<=^|\n\n|\r\r|\r\n\r\n)id: [as][\w-]{8,40}\.\d+(?:\.[\w-]*)?\n(?:event: priming\n)?(?:retry: 5000\n)?data: \n\n/g;
const keepAlive = ": keep-alive\n\n";

const edited = (bytes: Buffer, edit: (text: string) => string): Buffer =>
  Buffer.from(edit(bytes.toString("latin1")), "latin1");

/** The stream as the server wrote it, but for its own ids: without Holdfast's ids, priming events and keep-alive comments. */
export function withoutOwn(bytes: Buffer): Buffer {
  return edited(bytes, (text) => text.replaceAll(priming, "").replaceAll(ownId, "").replaceAll(keepAlive, ""));
}

export function withoutOwnText(text: string): string {
  return withoutOwn(Buffer.from(text)).toString();
}

/** What is expected of a server's stream: everything but its `id` lines and its byte order mark. */
export function withoutServerIds(stream: string | Buffer): Buffer {
  return edited(Buffer.from(stream), (text) =>
    text.replace(/^\xef\xbb\xbf/, "").replaceAll(/(?<=^|\n|\r)id(?::[^\r\n]*)?(?:\r\n|\n|\r)/g, ""),
  );
}

/** Holdfast's ids in a stream, in order; a priming event's is among them. */
export function ownIds(text: string): string[] {
  return [...text.matchAll(ownId)].map(([, id]) => id ?? "");
}
