// `--recovery notify`: marks the first answer after a restore, by inserting one member into its text. Nothing else of it changes.
import { announce, type UpstreamSession } from "../session/index.ts";

const markerKey = "holdfast/restored";

/** The answer with `_meta["holdfast/restored"]` in its result, and a log notification beside it; unchanged where it is no such answer. */
export function markRestored(session: UpstreamSession, whole: Buffer): Buffer {
  const text = whole.toString();
  const marked = markRestoredText(session, text);
  return marked === text ? whole : Buffer.from(marked);
}

export function markRestoredText(session: UpstreamSession, text: string): string {
  const mark = session.snapshot.markNext;
  if (mark === undefined) return text;
  const marker = JSON.stringify({ signal: mark.signal, generation: mark.generation });
  const marked = insertMeta(text, `"${markerKey}":${marker}`);
  if (marked === undefined) return text;
  delete session.snapshot.markNext;
  session.row.saveSoon(session);
  const data = { event: "restored", signal: mark.signal, generation: mark.generation };
  announce(session, { method: "notifications/message", params: { level: "warning", logger: "holdfast", data } });
  return marked;
}

/** Inserts `member` into `result._meta` of a JSON-RPC answer; undefined if there is no result object. */
export function insertMeta(text: string, member: string): string | undefined {
  const result = memberValue(text, 0, "result");
  if (result === undefined || text[result] !== "{") return undefined;
  const meta = memberValue(text, result, "_meta");
  if (meta !== undefined && text[meta] === "{") return insertFirst(text, meta, member);
  // A null or odd `_meta` is the server's own business: left as it is.
  if (meta !== undefined) return undefined;
  return insertFirst(text, result, `"_meta":{${member}}`);
}

function insertFirst(text: string, open: number, member: string): string {
  const rest = text.slice(open + 1);
  const comma = /^\s*\}/.test(rest) ? "" : ",";
  return `${text.slice(0, open + 1)}${member}${comma}${rest}`;
}

/** Position of the value of `key` in the object that starts at or after `start`. The text is known to be JSON. */
function memberValue(text: string, start: number, key: string): number | undefined {
  let depth = 0;
  for (let at = text.indexOf("{", start); at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') {
      const end = stringEnd(text, at);
      const colon = /\s*:\s*/y;
      colon.lastIndex = end;
      if (depth === 1 && text.slice(at + 1, end - 1) === key && colon.test(text)) return colon.lastIndex;
      at = end - 1;
    } else if (char === "{" || char === "[") depth += 1;
    else if (char === "}" || char === "]") {
      depth -= 1;
      if (depth === 0) return undefined;
    }
  }
  return undefined;
}

/** Position just after the string that starts at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}
