// Secrets of the data directory that live in files of their own: made once, readable by their owner alone. Knows not what they are for.
import { randomBytes } from "node:crypto";
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../config/index.ts";

/** The text of the file, made from 32 random bytes if there is none. Two processes that begin at once agree on one. */
export function readSecretFile(dataDir: string, name: string): string {
  const path = join(dataDir, name);
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const found = readIfThere(path) ?? create(path);
    if (found.length < 32) throw new ConfigError(`${path} is damaged: put it back from a copy.`);
    chmodSync(path, 0o600);
    return found;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code = "unknown reason" } = error as NodeJS.ErrnoException;
    throw new ConfigError(
      `${path} cannot be used (${code}). Make it readable for this user, or choose another --data-dir.`,
    );
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Written whole under another name and then linked, so that nobody reads half of it and the first one stays. */
function create(path: string): string {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  writeFileSync(draft, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft);
  }
  return readFileSync(path, "utf8").trim();
}

/** The key that seals connectors: HOLDFAST_KEY where it is set, else the file `key` of the data directory. */
export function readSealingKey(dataDir: string, env: NodeJS.ProcessEnv): Uint8Array {
  const given = env["HOLDFAST_KEY"];
  if (given === undefined || given === "") return Buffer.from(readSecretFile(dataDir, "key"));
  if (given.length < 32)
    throw new ConfigError("HOLDFAST_KEY must be at least 32 characters, for example of: openssl rand -base64 32");
  return Buffer.from(given);
}
