// Where a running hub can be found: a file in its data directory that it writes when it listens and takes away when it ends. Holds no secret.
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The file of the data directory that holds the local admin's token (0600), for programs of whoever runs the hub. */
export const adminTokenFile = "admin-token";
const hubFile = "hub.json";

export interface RunningHub {
  /** Without a path: where page, REST and endpoints are. */
  readonly url: string;
  readonly pid: number;
}

/** Written whole, so that nobody reads half of it. */
export function announceHub(dataDir: string, { url, pid }: RunningHub): void {
  const draft = join(dataDir, `${hubFile}.${pid}`);
  writeFileSync(draft, `${JSON.stringify({ url, pid })}\n`, { mode: 0o600 });
  renameSync(draft, join(dataDir, hubFile));
}

/** Takes the file away, unless another hub has written it meanwhile. */
export function withdrawHub(dataDir: string, pid: number): void {
  if (findHub(dataDir)?.pid === pid) rmSync(join(dataDir, hubFile), { force: true });
}

/** What the file says; a hub that was killed leaves it behind, so whoever reads it asks there before believing it. */
export function findHub(dataDir: string): RunningHub | undefined {
  try {
    const read = JSON.parse(readFileSync(join(dataDir, hubFile), "utf8")) as Partial<RunningHub> | null;
    const { url, pid } = read ?? {};
    return typeof url === "string" && URL.canParse(url) && typeof pid === "number" ? { url, pid } : undefined;
  } catch {
    return undefined;
  }
}
