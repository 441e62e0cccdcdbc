// Connectors that are kept in a file: read at the start, followed while the hub runs. A file that cannot be read changes nothing.
import { type FSWatcher, readFileSync, watch } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { ConfigError, connectorDefaults } from "../config/index.ts";
import { type ConnectorEntry, connectorName, readServers } from "../config/servers/index.ts";
import type { Connectors, NewConnector } from "./service.ts";
import { assertUsable } from "./to-options.ts";

/** Editors write in several steps. */
const settleMs = 100;

export interface ConfigFileNews {
  /** Read and followed; `taken` are names that the store has already, which were left alone. */
  read(taken: readonly string[]): void;
  /** What is wrong with it; what was read last goes on. Holds no value of the file. */
  failed(problem: string): void;
}

export class ConfigFile implements Disposable {
  readonly #path: string;
  readonly #connectors: Connectors;
  readonly #news: ConfigFileNews;
  #text: string | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();

  private constructor(path: string, connectors: Connectors, news: ConfigFileNews) {
    this.#path = resolve(path);
    this.#connectors = connectors;
    this.#news = news;
  }

  /**
   * Reads the file and goes on following it.
   * @throws ConfigError for a file that cannot be read, unless it was read at an earlier start: those connectors then go on
   */
  static async open(path: string, connectors: Connectors, news: ConfigFileNews): Promise<ConfigFile> {
    const file = new ConfigFile(path, connectors, news);
    try {
      await file.#follow();
    } catch (error) {
      if (!(error instanceof ConfigError) || !(await file.#wasRead())) throw error;
      news.failed(error.message);
    }
    file.#watch();
    return file;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }

  /** The folder, because an editor or a mounted volume puts another file in the old one's place. */
  #watch(): void {
    this.#watcher = watch(dirname(this.#path), { persistent: false }, () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#lookAgain(), settleMs).unref();
    });
    this.#watcher.on("error", (error) => this.#news.failed(`${this.#path} is no longer followed (${error.message}).`));
  }

  #lookAgain(): void {
    this.#reading = this.#reading
      .then(() => this.#follow())
      .catch((error: unknown) => this.#news.failed(error instanceof Error ? error.message : String(error)));
  }

  async #follow(): Promise<void> {
    const text = readText(this.#path);
    // Whatever else happens in the folder is no news, and a problem is told once.
    if (text === this.#text) return;
    this.#text = text;
    const wanted = readWanted(text, this.#path);
    try {
      this.#news.read(await this.#connectors.syncFile(wanted));
    } catch (error) {
      // What it wants was not done, and is tried again with the next look.
      this.#text = undefined;
      throw error;
    }
  }

  async #wasRead(): Promise<boolean> {
    return (await this.#connectors.list()).some(({ spec }) => spec.source === "file" && spec.file === this.#path);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code = "unknown reason" } = error as NodeJS.ErrnoException;
    throw new ConfigError(`${path} cannot be read (${code}).`);
  }
}

/** @throws ConfigError for anything in it that cannot be used, so that it is followed whole or not at all */
function readWanted(text: string, path: string): readonly NewConnector[] {
  const entries = readServers(text, path);
  const wanted = entries.map((entry) => toConnector(entry, path));
  for (const [at, { name }] of wanted.entries()) {
    if (wanted.findIndex((other) => other.name === name) < at)
      throw new ConfigError(`${path}: two servers would both be named ${name}. Rename one.`);
  }
  return wanted;
}

function toConnector(entry: ConnectorEntry, file: string): NewConnector {
  const { trusted, recovery, recoveryWindowMs, maxSessions, idleTimeoutMs } = connectorDefaults;
  const { server, headers, disabled } = entry;
  const options = { trusted, recovery, recoveryWindowMs, maxSessions, idleTimeoutMs, ...entry.options };
  const name = connectorName(entry.name);
  const spec = { server, headers, options, source: "file", file, from: "machine" } as const;
  try {
    assertUsable(name, spec);
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(`${basename(file)}: ${error.message}`) : error;
  }
  return { name, spec, wanted: disabled ? "disconnected" : "connected" };
}
