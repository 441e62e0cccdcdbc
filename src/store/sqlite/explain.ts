// Says in one sentence what SQLite or the file system refused, and what to do about it. Decides nothing.
import { StoreError, type StoreProblem } from "../store-error.ts";

type Sentence = readonly [StoreProblem, (path: string) => string];

const full: Sentence = [
  "full",
  (path) => `The disk that holds ${path} is full. Free some space, or choose another --data-dir.`,
];
const readOnly: Sentence = [
  "read-only",
  (path) =>
    `The session database ${path} cannot be written. Make it writable for this user, or choose another --data-dir.`,
];
const corrupt: Sentence = [
  "corrupt",
  (path) =>
    `The session database ${path} is damaged. Stop Holdfast and move the file away; clients then start new sessions.`,
];

/** By SQLite's primary result code: https://www.sqlite.org/rescode.html */
const bySqliteCode: Readonly<Record<number, Sentence>> = {
  5: [
    "locked",
    (path) => `The session database ${path} is locked by another process. End it, or choose another --data-dir.`,
  ],
  8: readOnly,
  10: ["unknown", (path) => `The disk that holds ${path} reports an input/output error. Look at the system's log.`],
  11: corrupt,
  13: full,
  14: readOnly,
  26: [
    "not-a-database",
    (path) => `${path} is not a session database. Move the file away, or choose another --data-dir.`,
  ],
};

const byFileCode: Readonly<Record<string, Sentence>> = {
  EACCES: readOnly,
  EPERM: readOnly,
  EROFS: readOnly,
  EISDIR: bySqliteCode[26] ?? readOnly,
  ENOSPC: full,
  EDQUOT: full,
};

const primaryKeyTaken = 1555;

export function explain(caught: unknown, path: string): StoreError {
  if (caught instanceof StoreError) return caught;
  const { errcode, code } = codes(caught);
  if (errcode === primaryKeyTaken) {
    return new StoreError("exists", "A session with this key is already stored.", { cause: caught });
  }
  const sentence = errcode === undefined ? byFileCode[code ?? ""] : bySqliteCode[errcode & 0xff];
  const [problem, text] = sentence ?? (["unknown", (at: string) => `The session database ${at} failed.`] as const);
  return new StoreError(problem, text(path), { cause: caught });
}

/** A directory has the same causes, and other words. */
export function explainDirectory(caught: unknown, dataDir: string): StoreError {
  const { code = "an unknown error" } = codes(caught);
  const message = `The data directory ${dataDir} cannot be used (${code}). Choose another with --data-dir, or make this one writable.`;
  return new StoreError("unusable-directory", message, { cause: caught });
}

function codes(caught: unknown): { readonly errcode: number | undefined; readonly code: string | undefined } {
  if (typeof caught !== "object" || caught === null) return { errcode: undefined, code: undefined };
  const errcode = "errcode" in caught && typeof caught.errcode === "number" ? caught.errcode : undefined;
  const code = "code" in caught && typeof caught.code === "string" ? caught.code : undefined;
  return { errcode, code };
}
