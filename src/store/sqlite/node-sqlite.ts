// Loads node:sqlite when it is first needed, and keeps the one warning that Node 22 prints about it off the user's terminal.

type Sqlite = typeof import("node:sqlite");

export function loadSqlite(): Sqlite {
  // Synchronous, so that nobody else's warning can fall into the time in which this one is held back.
  return withoutSqliteWarning(() => process.getBuiltinModule("node:sqlite"));
}

/** Every other warning passes, also of the same kind. */
export function withoutSqliteWarning<Result>(run: () => Result): Result {
  // oxlint-disable-next-line unbound-method -- only put back as it was; calls pass `this` on
  const original = process.emitWarning;
  process.emitWarning = new Proxy(original, {
    apply: (target, self, args) => void (isSqliteWarning(args) || Reflect.apply(target, self, args)),
  });
  try {
    return run();
  } finally {
    process.emitWarning = original;
  }
}

function isSqliteWarning([warning, options]: readonly unknown[]): boolean {
  const type = typeof options === "object" && options !== null && "type" in options ? options.type : options;
  return type === "ExperimentalWarning" && String(warning).startsWith("SQLite ");
}
