// Asks the database, and again while another process holds its lock. SQLite's own wait would hold this whole process up.
import { monotonicMs } from "../../protocol/index.ts";
import type { Database } from "./database.ts";
import { explain } from "./explain.ts";

const firstPauseMs = 1;
const longestPauseMs = 50;

/**
 * Each try is one statement or one transaction, so one that was refused has done nothing.
 * @throws StoreError; "locked" once the other process has held the lock for the whole of `patienceMs`
 */
export async function ask<Answer>(
  { path, patienceMs }: Pick<Database, "path" | "patienceMs">,
  question: () => Answer,
): Promise<Answer> {
  const deadlineMs = monotonicMs() + patienceMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return question();
    } catch (caught) {
      const error = explain(caught, path);
      if (error.problem !== "locked" || monotonicMs() >= deadlineMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
