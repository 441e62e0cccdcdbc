// Finds whom a verb speaks with: the hub that runs on this data directory, else its store. Says which.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { adminTokenFile, defaultDataDir, findHub } from "../../../config/index.ts";
import { exitCodes, VerbError } from "./exit-codes.ts";
import type { HubClient } from "./hub-client.ts";
import type { LocalParts } from "./local-parts.ts";
import { openRestClient } from "./rest-client.ts";
import type { Terminal } from "./terminal.ts";

const aliveTimeoutMs = 2_000;

/** `hub`: only a running one will do. */
export async function openHub(
  flags: { readonly dataDir?: string },
  terminal: Terminal,
  parts: LocalParts,
  needed: "any" | "hub" = "any",
): Promise<HubClient> {
  const dataDir = dataDirOf(flags);
  const running = await findRunning(dataDir);
  if (running !== undefined) {
    terminal.note(`Asking ${running.where}.`);
    return running;
  }
  if (needed === "hub")
    throw new VerbError(
      `No hub runs on ${dataDir}, and this needs one: start it with holdfast serve.`,
      exitCodes.unreachable,
    );
  const { openStoreClient } = await import("./store-client.ts");
  const store = await openStoreClient(dataDir, parts);
  terminal.note(`Using ${store.where}.`);
  return store;
}

/** The running hub, if one says so and answers. */
export async function findRunning(dataDir: string): Promise<HubClient | undefined> {
  const found = findHub(dataDir);
  if (found === undefined) return undefined;
  // A hub that was killed leaves its file behind.
  const alive = await fetch(`${found.url}/healthz`, { signal: AbortSignal.timeout(aliveTimeoutMs) }).then(
    (answer) => answer.body?.cancel().then(() => true) ?? true,
    () => false,
  );
  return alive ? openRestClient(found.url, readToken(dataDir)) : undefined;
}

export function dataDirOf({ dataDir }: { readonly dataDir?: string }): string {
  return dataDir ?? defaultDataDir();
}

function readToken(dataDir: string): string {
  const path = join(dataDir, adminTokenFile);
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    const { code = "unknown reason" } = error as NodeJS.ErrnoException;
    throw new VerbError(
      `A hub runs, but its admin token ${path} cannot be read (${code}). Run this as the user who started the hub.`,
      exitCodes.refused,
    );
  }
}
