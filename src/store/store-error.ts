// What goes wrong with a store, in one sentence that names the fix. Knows no database.

export type StoreProblem =
  /** Another process holds the database and did not let go in time: trying again may help. */
  | "locked"
  | "read-only"
  | "full"
  | "corrupt"
  | "not-a-database"
  /** Written by a newer Holdfast. */
  | "newer"
  | "unusable-directory"
  /** A session with this key is already stored. */
  | "exists"
  | "closed"
  /** The session's connector was disconnected, removed or given another server meanwhile. */
  | "ended"
  | "unknown";

export class StoreError extends Error {
  static readonly endedMessage = "The connector of this session is no longer wanted.";
  override readonly name = "StoreError";
  readonly problem: StoreProblem;

  constructor(problem: StoreProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}
