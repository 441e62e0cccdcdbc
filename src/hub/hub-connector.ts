// One connector of a hub, put together: its endpoint, what is known of its server, and what is shown of its sessions.
import { addressWords, ConfigError, type ConnectorOptions } from "../config/index.ts";
import {
  type AddressRules,
  type ConnectorRecord,
  Evidence,
  type Inspector,
  literalAddress,
  type ProbeResult,
  Prober,
  type Running,
  type SessionFacts,
  secretWords,
  toConnectorOptions,
  type UpgradeCounts,
} from "../connectors/index.ts";
import type { Credential } from "../credentials/index.ts";
import {
  type Endpoint,
  type HttpRequest,
  openEndpoint,
  probe,
  type SharedParts,
  type UpstreamSession,
} from "../data-plane/index.ts";
import { withoutHeaderValues } from "../errors/index.ts";
import type { RequestRecord, Watch } from "../observability/index.ts";
import { monotonicMs } from "../protocol/index.ts";
import type { StoredSession } from "../store/index.ts";

export interface HubConnectorParts {
  readonly shared: SharedParts;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly inspector: Inspector;
  readonly addressRules: AddressRules;
  readonly credential: (request: HttpRequest) => string | undefined;
  /** As `user_id` in the log. */
  readonly userOf: (principal: string) => string;
  readonly probeIntervalMs: () => number;
  /** What a sign-in at its server has brought; undefined where nobody can sign in. */
  readonly upstreamCredential: (record: ConnectorRecord, options: ConnectorOptions) => Credential | undefined;
  /** Something about it is other than before. */
  readonly changed: () => void;
  readonly sessionChanged: (session: string, isOver: boolean) => void;
}

/** How long a predecessor may finish what is in flight. */
const retireMs = 30_000;
const retireStepMs = 50;
/** How long sessions may take to be ended at a server; then everything is cut. */
const endMs = 6_000;

/** Failures of which the server, or the way to it, is the cause. */
const troubleCode =
  /^(?:UPSTREAM_|SERVER_|AUTHORIZATION_REQUIRED$|SIGN_IN_OVER$|CREDENTIAL_NOT_RENEWED$|INITIALIZE_FAILED$|SESSION_NOT_|RESTORES_PAUSED$)/;

export class HubConnector implements Running {
  readonly evidence: Evidence;
  readonly inspector: Inspector;
  readonly endpoint: Endpoint;
  readonly #options: ConnectorOptions;
  readonly #credential: Credential | undefined;
  readonly #prober: Prober;
  readonly #parts: HubConnectorParts;
  /** When each live session was last answered well. */
  readonly #goodAtMs = new Map<string, number | undefined>();
  readonly #clients = new WeakMap<UpstreamSession, Pick<SessionFacts, "clientName" | "clientVersion">>();

  /** @throws ConfigError for settings that cannot be used */
  constructor(record: ConnectorRecord, parts: HubConnectorParts) {
    const { shared, inspector, addressRules, credential } = parts;
    const options = toConnectorOptions(record, parts.env);
    const isRestricted = record.spec.from === "api";
    if (isRestricted) assertAllowed(options, addressRules);
    this.#parts = parts;
    this.#options = options;
    this.#credential = parts.upstreamCredential(record, options);
    this.inspector = inspector;
    this.evidence = new Evidence(Date.now(), options.recoveryWindowMs);
    this.endpoint = openEndpoint(options, shared, {
      storeKey: record.sessionsKey,
      lookup: isRestricted ? addressRules.lookup : undefined,
      credential,
      watch: this.#watch(),
      userOf: parts.userOf,
      bodies: inspector.bodies,
      upstreamCredential: this.#credential,
    });
    const isCheap = options.server.kind !== "stdio";
    const { probeIntervalMs: intervalMs, changed } = parts;
    this.#prober = new Prober(this, { intervalMs, isCheap, changed });
    void this.#prober.ask();
  }

  get sessionCount(): number {
    return this.endpoint.sessions.size;
  }

  sessions(): readonly SessionFacts[] {
    return [...this.endpoint.sessions.all()].flatMap((session) => this.#facts(session) ?? []);
  }

  async storedSessions(): Promise<readonly SessionFacts[]> {
    return (await this.endpoint.sessions.stored()).map(({ row, snapshot, shortHash }) => ({
      session: shortHash,
      user: this.#parts.userOf(row.principal),
      ...readClient(snapshot.initialize),
      protocolVersion: snapshot.clientVersion,
      generation: row.generation,
      openedAtMs: snapshot.openedAtMs ?? row.lastSeenAtMs,
      lastSeenAtMs: row.lastSeenAtMs,
      lastGoodAtMs: undefined,
      status: "stored",
      inFlight: 0,
      hasStream: false,
      broken: false,
    }));
  }

  get origin(): string | undefined {
    const { server } = this.#options;
    return server.kind === "stdio" ? undefined : server.url.origin;
  }

  sessionFacts(session: string): SessionFacts | undefined {
    const found = this.#find(session);
    return found && this.#facts(found);
  }

  breakSession(session: string): "broken" | "unknown" | "unbreakable" {
    const found = this.#find(session);
    if (found === undefined) return "unknown";
    const broken = found.breakNext();
    if (broken) this.#parts.sessionChanged(session, false);
    return broken ? "broken" : "unbreakable";
  }

  async endSession(session: string): Promise<boolean> {
    const found = this.#find(session);
    if (found === undefined) return this.endpoint.sessions.endStored(session);
    found.close("admin");
    await found.ended;
    return true;
  }

  async upgrade(): Promise<UpgradeCounts | undefined> {
    const counts = await this.endpoint.upgrade();
    this.#parts.changed();
    return counts;
  }

  async probe(wants: "life" | "tools"): Promise<ProbeResult> {
    const outcome = await probe(this.endpoint.connector, wants);
    if (outcome.ok || outcome.head === undefined) return outcome;
    return {
      ...outcome,
      head: withoutHeaderValues(
        outcome.head,
        [...this.#options.headers, ...this.#authorization()],
        addressWords(this.#options.server),
      ),
    };
  }

  test(): Promise<void> {
    return this.#prober.ask();
  }

  /** The interval between two looks at a quiet server is another one from now on. */
  retime(): void {
    this.#prober.retime();
  }

  /** Every exchange of its clients, when it is over. */
  exchange(record: RequestRecord): void {
    this.inspector.exchange(record, () => this.#secrets(record.session_id));
    const { error_code: code, status } = record;
    if (code === "-") {
      const isCall = record.jsonrpc_method !== "-" && record.http_method !== "GET";
      if (status >= 300 || !isCall) return;
      const wasGood = this.evidence.isGood;
      const nowMs = Date.now();
      this.evidence.good(nowMs);
      if (this.#goodAtMs.has(record.session_id)) this.#goodAtMs.set(record.session_id, nowMs);
      if (!wasGood) this.#parts.changed();
    } else if (troubleCode.test(code)) this.#failed(code);
  }

  async end(stored: readonly StoredSession[]): Promise<void> {
    this.#prober.stop();
    await within(endMs, this.endpoint.end(stored));
    await this.endpoint.giveUp();
  }

  async retire(): Promise<void> {
    this.#prober.stop();
    this.endpoint.endStreams();
    const untilMs = monotonicMs() + retireMs;
    while (monotonicMs() < untilMs && [...this.endpoint.sessions.all()].some(({ inUse }) => inUse > 0))
      await new Promise((resolve) => setTimeout(resolve, retireStepMs));
    await this.endpoint.close();
    for (const _ of this.endpoint.sessions.all()) this.#parts.shared.metrics.sessionClosed();
  }

  async close(): Promise<void> {
    this.#prober.stop();
    await this.endpoint.close();
  }

  /** Words that no shown body holds. */
  #secrets(session: string): readonly string[] {
    const state = this.#find(session)?.state;
    const words = secretWords({ ...this.#options, headers: [...this.#options.headers, ...this.#authorization()] });
    return [...words, ...(state?.at === "operating" ? [state.upstreamId ?? ""] : [])];
  }

  #authorization(): readonly string[] {
    const value = this.#credential?.authorization;
    return value === undefined ? [] : ["authorization", value];
  }

  #failed(code: string | undefined, status?: number): void {
    this.evidence.failed({ code, status }, Date.now());
    this.#prober.wake();
    this.#parts.changed();
  }

  #watch(): Watch {
    const { inspector, changed, sessionChanged } = this.#parts;
    const { refused, restoreBegan, restoreStep, restoreEnded, replayed } = inspector.watch;
    return {
      refused,
      restoreStep,
      replayed,
      away: (code, status) => this.#failed(code, status),
      back: () => void this.#prober.ask(),
      restoreBegan: (news) => {
        restoreBegan(news);
        if (this.evidence.isGood) this.evidence.failed({ code: undefined }, Date.now());
        changed();
        sessionChanged(news.session, false);
      },
      restoreEnded: (news) => {
        restoreEnded(news);
        if (news.outcome === "restored") this.evidence.good(Date.now());
        if (news.outcome === "failed") this.#failed(news.code, news.status);
        changed();
        sessionChanged(news.session, false);
      },
      sessionOpened: (session) => {
        this.#goodAtMs.set(session, undefined);
        changed();
        sessionChanged(session, false);
      },
      sessionEnded: (session) => {
        this.#goodAtMs.delete(session);
        changed();
        sessionChanged(session, true);
      },
    };
  }

  #find(session: string): UpstreamSession | undefined {
    for (const one of this.endpoint.sessions.all()) if (one.shortHash === session) return one;
    return undefined;
  }

  #facts(session: UpstreamSession): SessionFacts | undefined {
    const { state, snapshot, principal, inUse, lastSeenAtMs } = session;
    if (state.at === "closed") return undefined;
    return {
      session: session.shortHash,
      user: this.#parts.userOf(principal),
      ...this.#client(session),
      protocolVersion: snapshot.clientVersion,
      generation: state.generation,
      openedAtMs: snapshot.openedAtMs ?? lastSeenAtMs,
      lastSeenAtMs,
      lastGoodAtMs: this.#goodAtMs.get(session.shortHash),
      status: state.at === "operating" ? "operating" : state.at === "lost" ? "lost" : "recovering",
      inFlight: inUse,
      hasStream: session.openStream !== undefined,
      broken: session.isBroken,
    };
  }

  #client(session: UpstreamSession): Pick<SessionFacts, "clientName" | "clientVersion"> {
    const known = this.#clients.get(session) ?? readClient(session.snapshot.initialize);
    this.#clients.set(session, known);
    return known;
  }
}

function readClient(initialize: string): Pick<SessionFacts, "clientName" | "clientVersion"> {
  try {
    const { params } = JSON.parse(initialize) as { params?: { clientInfo?: { name?: unknown; version?: unknown } } };
    const { name, version } = params?.clientInfo ?? {};
    return {
      clientName: typeof name === "string" ? name : undefined,
      clientVersion: typeof version === "string" ? version : undefined,
    };
  } catch {
    return { clientName: undefined, clientVersion: undefined };
  }
}

/** An address that is written out is connected to without any lookup, so it is looked at here. */
/** @throws ConfigError for an address that a connector may not have which was added over REST */
export function assertAllowed({ server }: ConnectorOptions, rules: AddressRules): void {
  const literal = server.kind === "stdio" ? undefined : literalAddress(server.url);
  if (literal !== undefined && !rules.isAllowed(literal))
    throw new ConfigError(
      "The server has a loopback or private address, which is allowed only for connectors added on the hub's machine.",
    );
}

async function within(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
