// Learns which eras a server speaks and remembers it over restarts: from the answers that pass anyway, and by one shared question where those say nothing.
// Never asks on a session that is in use.
import type { Log } from "../../observability/index.ts";
import { mediaType, writeDiscover } from "../../protocol/index.ts";
import type { EraStore } from "../../store/index.ts";
import { asObject, type CallOutcome, type Connector, callServer, parseObject } from "../session/index.ts";
import type { Transport, WireRequest } from "../transport/index.ts";
import {
  currentEras,
  discoverEvidence,
  type EraEvidence,
  type EraFacts,
  initializeEvidence,
  isDoubtfulInitialize,
  isNews,
  type Known,
  learn,
  nothingKnown,
  type ServerEras,
} from "./eras.ts";

const probeTimeoutMs = 15_000;

const discoverId = "holdfast-discover";
const discover = writeDiscover(JSON.stringify(discoverId));
const discoverHeaders = ["mcp-protocol-version", "2026-07-28", "mcp-method", "server/discover"];

/** Where nothing was proven, the caller's own request tells what is in the way. */
export type ProbeOutcome = "learned" | "nothing-proven";

export interface ErasParts {
  /** Straight to the server, without any translation. */
  readonly transport: Transport;
  readonly settings: Pick<Connector["settings"], "name" | "storeKey">;
  readonly store: EraStore;
  readonly log: Log;
}

export class ServerErasMemory {
  readonly #parts: ErasParts;
  #eras: ServerEras = nothingKnown;
  #loading: Promise<void> | undefined;
  #probing: Promise<ProbeOutcome> | undefined;

  constructor(parts: ErasParts) {
    this.#parts = parts;
  }

  /** What is known, without asking anybody. */
  get now(): ServerEras {
    return currentEras(this.#eras, Date.now());
  }

  /** As `now`, and looks into the store once: the knowledge may stem from before a restart. */
  async load(): Promise<ServerEras> {
    await (this.#loading ??= this.#read());
    return this.now;
  }

  /** "unknown" is a doubt: after trouble the server may be another one. */
  learn(evidence: EraEvidence): void {
    const before = this.now;
    if (!isNews(before, evidence)) return;
    this.#eras = learn(before, evidence, Date.now());
    const { legacy, modern } = this.#eras;
    const { log, settings } = this.#parts;
    log.event("info", "eras learned", { connector: settings.name, legacy, modern });
    void this.#save(log);
  }

  /** Reads an answer to `initialize` that passes anyway. A refusal that might come from a modern server is settled by a question. */
  async initialized(facts: EraFacts, headers: readonly string[]): Promise<void> {
    const evidence = initializeEvidence(facts);
    this.learn(evidence);
    if (evidence.legacy !== undefined || !isDoubtfulInitialize(facts)) return;
    if ((await this.probe(headers)) === "learned" && this.now.modern === "yes") this.learn({ legacy: "no" });
  }

  /** Asks `server/discover` with the caller's headers; whoever asks meanwhile shares the answer. */
  probe(headers: readonly string[]): Promise<ProbeOutcome> {
    this.#probing ??= this.#ask(headers).finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  async #ask(headers: readonly string[]): Promise<ProbeOutcome> {
    const context = { headers: [...headers, ...discoverHeaders] };
    const { transport } = this.#parts;
    const aside = { send: (request: WireRequest) => transport.askAside?.(request) ?? transport.send(request) };
    const outcome = await callServer(aside, context, discover, discoverId, probeTimeoutMs);
    if (outcome.kind === "lost") return "nothing-proven";
    const evidence = discoverEvidence(factsOf(outcome));
    this.learn(evidence);
    return evidence.modern === undefined ? "nothing-proven" : "learned";
  }

  async #read(): Promise<void> {
    const { log, settings, store } = this.#parts;
    const text = await store.findEras(settings.storeKey).catch((cause: unknown) => {
      log.event("error", "eras not read", { connector: settings.name, reason: String(cause) });
      return undefined;
    });
    const stored = text === undefined ? undefined : parseObject(text);
    const { legacy, modern, atMs } = stored ?? {};
    if (isKnown(legacy) && isKnown(modern) && typeof atMs === "number" && this.#eras.atMs < atMs)
      this.#eras = { legacy, modern, atMs };
  }

  async #save(log: Log): Promise<void> {
    const { storeKey, name } = this.#parts.settings;
    await this.#parts.store.saveEras(storeKey, JSON.stringify(this.#eras)).catch((cause: unknown) => {
      log.event("error", "eras not stored", { connector: name, reason: String(cause) });
    });
  }
}

function factsOf(outcome: Exclude<CallOutcome, { kind: "lost" }>): EraFacts {
  if (outcome.kind === "other") return outcome.facts;
  const { result, error, facts } = outcome;
  const isStream = mediaType(facts.contentType) === "text/event-stream";
  // What counts is the answer itself, not the events before it.
  return isStream ? { ...facts, body: textOf(asObject(error) === undefined ? { result } : { error }) } : facts;
}

/** "" for what is nested too deeply to be written. */
function textOf(value: object): string {
  try {
    return JSON.stringify(value);
  } catch {
    return "";
  }
}

function isKnown(value: unknown): value is Known {
  return value === "yes" || value === "no" || value === "unknown";
}
