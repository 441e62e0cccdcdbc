// The sessions of one legacy server that modern clients use: found by who asks, opened once for all who wait, ended when nobody used them for a while.
import { ProxyError } from "../../../errors/index.ts";
import { keyedHash } from "../../../observability/index.ts";
import { type ClientSessionId, memberText, sessionIdHeader } from "../../../protocol/index.ts";
import type { StoredSession } from "../../../store/index.ts";
import { relayInitialize, relayRequest, type StreamClock, Streams } from "../../relay/index.ts";
import { type Connector, SessionManager } from "../../session/index.ts";
import { writeInitialize } from "../translate/client-facts.ts";
import { type InnerAnswer, innerAnswer, innerId, innerPost, type OnBehalf } from "./inner-exchange.ts";
import { mayShare, type PoolUser, poolKey } from "./pool-key.ts";
import { isInteractive, PoolSession } from "./pool-session.ts";

export interface PoolLimits {
  /** A session with as many calls in flight gets a second one beside it. */
  readonly callsPerSession: number;
  readonly sessionsPerPrincipal: number;
  readonly idleMs: number;
  readonly maxSessions: number;
  /** Callers that present nothing are one and the same user. */
  readonly isOneUser: boolean;
}

/** The server refused to open a session. */
export class OpeningRefused extends Error {
  override readonly name = "OpeningRefused";
  readonly answer: InnerAnswer;

  constructor(answer: InnerAnswer) {
    super("the server refused initialize");
    this.answer = answer;
  }
}

const mostKeys = 1_000;

interface Slot {
  readonly principal: string;
  readonly key: string;
  session: PoolSession | undefined;
  opening: Promise<PoolSession>;
  /** Calls that wait for the opening count as well, or all of them would go to one session. */
  claims: number;
}

export class SessionPool {
  readonly sessions: SessionManager;
  readonly #connector: Connector;
  readonly #limits: PoolLimits;
  readonly #streams: Streams;
  readonly #slots = new Map<string, Slot[]>();
  /** The server has asked something over a wire that does not say for which call: from then on calls that may be asked are kept apart. */
  #asksUnrelated = false;
  /** By what the caller wrote. */
  readonly #keys = new Map<string, string>();

  constructor(connector: Connector, limits: PoolLimits, clock: StreamClock) {
    this.#streams = new Streams(clock);
    // Rows of their own: these sessions end sooner than those that clients hold, and no client's id finds them.
    const settings = {
      ...connector.settings,
      storeKey: `${connector.settings.storeKey}:modern`,
      adoptSessions: false,
      recovery: connector.settings.recovery === "strict" ? ("strict" as const) : ("transparent" as const),
    };
    this.#connector = { ...connector, settings };
    this.#limits = limits;
    this.sessions = new SessionManager(this.#connector, {
      maxSessions: limits.maxSessions,
      idleTimeoutMs: limits.idleMs,
    });
  }

  /**
   * Lends a session to one call; `release` gives it back.
   * @throws ProxyError TOO_MANY_SESSIONS, or what stands in the way to the server; OpeningRefused
   */
  async acquire(user: PoolUser, on: OnBehalf): Promise<{ readonly pooled: PoolSession; readonly release: () => void }> {
    const isShared = mayShare(user, this.#limits.isOneUser);
    const slot = isShared ? this.#sharedSlot(user, on) : this.#newSlot(user, on, `alone ${innerId()}`);
    slot.claims += 1;
    let pooled: PoolSession;
    try {
      pooled = await slot.opening;
    } catch (error) {
      slot.claims -= 1;
      throw error;
    }
    const done = pooled.session.use();
    pooled.inFlight += 1;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      done();
      slot.claims -= 1;
      pooled.inFlight -= 1;
      // Nobody else may ever use it.
      if (!isShared && pooled.isIdle) pooled.session.close("idle");
    };
    return { pooled, release };
  }

  /** The connector is disconnected or deleted. `stored`: as for `SessionManager.end`, of all its sessions. */
  endSessions(stored: readonly StoredSession[]): Promise<void> {
    const { storeKey } = this.#connector.settings;
    return this.sessions.end(stored.filter(({ connector }) => connector === storeKey));
  }

  /** Ends every stream; the sessions stay for the next start. */
  async stop(): Promise<void> {
    this.#streams.endAll();
    await this.sessions.stop();
  }

  #sharedSlot(user: PoolUser, on: OnBehalf): Slot {
    const key = this.#keyOf(user);
    const slots = this.#slots.get(key) ?? [];
    const most = (slot: Slot): number =>
      (this.#asksUnrelated || slot.session?.asksUnrelated === true) && isInteractive(user.client.capabilities)
        ? 1
        : this.#limits.callsPerSession;
    return slots.find((slot) => slot.claims < most(slot)) ?? this.#newSlot(user, on, key);
  }

  /** A client writes the same facts with every call, so they are put in order once. */
  #keyOf(user: PoolUser): string {
    const { principal, isolation, client } = user;
    const asWritten = JSON.stringify([principal, isolation, client.info, client.capabilities]);
    const known = this.#keys.get(asWritten);
    if (known !== undefined) return known;
    if (this.#keys.size >= mostKeys) this.#keys.clear();
    const key = poolKey(user);
    this.#keys.set(asWritten, key);
    return key;
  }

  #newSlot(user: PoolUser, on: OnBehalf, key: string): Slot {
    const { principal } = user;
    const slots = this.#slots.get(key) ?? [];
    const held = [...this.#slots.values()].flat().filter((each) => each.principal === principal).length;
    if (held >= this.#limits.sessionsPerPrincipal) {
      const note = `This caller holds ${held} already.`;
      throw new ProxyError("TOO_MANY_SESSIONS", { connector: this.#connector.settings.name, note });
    }
    // The lowest free number: after a restart the same callers find the same sessions again.
    const taken = new Set(slots.map((slot) => slot.key));
    let index = 0;
    while (taken.has(`${key} ${index}`)) index += 1;
    const slot: Slot = {
      principal,
      key: `${key} ${index}`,
      session: undefined,
      opening: undefined as never,
      claims: 0,
    };
    const remove = (): void => {
      const rest = (this.#slots.get(key) ?? []).filter((each) => each !== slot);
      if (rest.length > 0) this.#slots.set(key, rest);
      else this.#slots.delete(key);
    };
    slot.opening = this.#open(user, on, slot.key).then((pooled) => {
      slot.session = pooled;
      pooled.session.onClosed(() => {
        pooled.close();
        remove();
      });
      return pooled;
    });
    slot.opening.catch(remove);
    this.#slots.set(key, [...slots, slot]);
    return slot;
  }

  /** By an id that only this pool can name: the session that a caller had before a restart of Holdfast is found by it again. */
  async #open(user: PoolUser, on: OnBehalf, slotKey: string): Promise<PoolSession> {
    const id = keyedHash(this.#connector.secret, "pool", slotKey) as ClientSessionId;
    const stored = await this.sessions.find(id, user.principal);
    if (stored?.snapshot.result !== undefined && stored.state.at !== "closed")
      return this.#ready(stored.snapshot.result, stored, user, on);
    stored?.close("idle");
    await stored?.ended;
    const initialize = writeInitialize(user.client, innerId());
    const answer = await innerAnswer((connection) =>
      relayInitialize(innerPost(initialize, undefined, on, connection), this.sessions, user.principal, id),
    );
    const result = answer.text === undefined ? undefined : memberText(answer.text, "result");
    const opened = answer.headers[sessionIdHeader];
    const session = opened === undefined ? undefined : this.sessions.get(opened, user.principal);
    if (result === undefined || session === undefined) throw new OpeningRefused(answer);
    session.snapshot.result = result;
    await innerAnswer((connection) =>
      relayRequest(
        innerPost(
          '{"jsonrpc":"2.0","method":"notifications/initialized"}',
          session.snapshot.clientVersion,
          on,
          connection,
        ),
        session,
      ),
    );
    session.row.saveSoon(session);
    return this.#ready(result, session, user, on);
  }

  #ready(result: string, session: PoolSession["session"], user: PoolUser, on: OnBehalf): PoolSession {
    const { log, settings } = this.#connector;
    const pooled = new PoolSession(session, result, this.#streams, (reason) =>
      log.event("warn", "question not answered", { connector: settings.name, session_id: session.shortHash, reason }),
    );
    pooled.onAsked = () => {
      this.#asksUnrelated ||= this.#connector.transport.messagesOnly === true;
    };
    // A server may ask on its standing stream, so whoever can be asked has it open.
    if (isInteractive(user.client.capabilities)) void pooled.stream(on);
    return pooled;
  }
}
