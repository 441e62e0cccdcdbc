// Serves modern clients from a legacy server: what they ask is checked as a server of their era would, and carried over sessions that they share.
import { ProxyError } from "../../../errors/index.ts";
import { isObjectText, memberText, type RawId, rpcCode, scanEnvelope } from "../../../protocol/index.ts";
import type { StoredSession } from "../../../store/index.ts";
import { answerFailure, type ModernExchange, type StreamClock } from "../../relay/index.ts";
import type { Connector, MoveCounts } from "../../session/index.ts";
import { initializeEvidence } from "../eras.ts";
import { type ClientFacts, stringOf } from "../translate/client-facts.ts";
import { rpcError } from "../translate/errors.ts";
import { readFilter } from "../translate/notifications.ts";
import { logLevelOf, readRetry } from "../translate/requests.ts";
import { initializeToDiscover } from "../translate/server-facts.ts";
import { checkParams, checkRequest, mayRequireInput } from "./check-request.ts";
import { ClientReply, type Outcome } from "./client-reply.ts";
import { ModernCall, ownError } from "./modern-call.ts";
import { serveListen } from "./modern-listen.ts";
import { ParkedCalls } from "./parked-calls.ts";
import { isolationHeader, type PoolUser } from "./pool-key.ts";
import type { PoolSession } from "./pool-session.ts";
import { faultOf, requestDigest, type StateFacts, type StateFault, StateSeal } from "./sealed-state.ts";
import { OpeningRefused, SessionPool } from "./session-pool.ts";

/** Limits of the era study. */
const limits = {
  callsPerSession: 16,
  sessionsPerPrincipal: 32,
  poolIdleMs: 600_000,
  parkTtlMs: 300_000,
  parkPerPrincipal: 64,
  parkPerProcess: 1_000,
  longestIsolation: 128,
} as const;

export interface ModernFaceOptions {
  /** Over the wire itself: no translation of the other direction in between. */
  readonly connector: Connector;
  readonly maxSessions: number;
  /** Callers that present nothing are one and the same user. */
  readonly isOneUser: boolean;
  readonly clock: StreamClock;
}

const stateErrors = {
  forged: "STATE_FORGED",
  foreign: "STATE_FOREIGN",
  expired: "STATE_EXPIRED",
  "other-request": "STATE_OF_OTHER_REQUEST",
} as const satisfies Record<StateFault, string>;

/** One request of a modern client, read as far as it decides anything. */
interface ModernRequest {
  readonly text: string;
  readonly id: RawId;
  readonly method: string;
  readonly user: PoolUser;
  readonly reply: ClientReply;
}

export class ModernFace {
  readonly #connector: Connector;
  readonly #pool: SessionPool;
  readonly #parked: ParkedCalls;
  readonly #seal: StateSeal;
  readonly #listens = new Set<{ end(): void }>();

  constructor({ connector, maxSessions, isOneUser, clock }: ModernFaceOptions) {
    this.#connector = connector;
    const { callsPerSession, sessionsPerPrincipal, poolIdleMs: idleMs } = limits;
    const sizes = { callsPerSession, sessionsPerPrincipal, idleMs, maxSessions, isOneUser };
    this.#pool = new SessionPool(connector, sizes, clock);
    const { parkTtlMs: ttlMs, parkPerPrincipal: perPrincipal, parkPerProcess: perProcess } = limits;
    this.#parked = new ParkedCalls({ ttlMs, perPrincipal, perProcess });
    this.#seal = new StateSeal(connector.secret);
  }

  /** Never rejects. An error is one that a change of the server's era would explain; nothing ran, and the client has no answer yet. */
  async serve(exchange: ModernExchange, principal: string): Promise<ProxyError | undefined> {
    try {
      const read = await readRequest(exchange);
      const text = read.toString();
      const scanned = scanEnvelope(read);
      if (scanned.shape === "not-json") throw new ProxyError("MALFORMED_JSON", { note: scanned.reason });
      if (scanned.shape === "not-json-rpc") throw new ProxyError("NOT_JSON_RPC", { note: scanned.reason });
      if (scanned.shape === "batch") throw new ProxyError("NOT_JSON_RPC", { note: "This revision has no batches." });
      const { kind, id, method } = scanned.envelope;
      // A client of this era has no other message than a request that is waited for.
      if (kind === "notification") return accept(exchange);
      if (kind !== "request" || id === undefined || method === undefined)
        throw new ProxyError("NOT_JSON_RPC", { note: "This revision has no answers by POST." });
      return await this.#request(exchange, principal, text, id, method);
    } catch (error) {
      answerFailure(exchange, [], error);
      return undefined;
    }
  }

  /** Ends every subscription, so that its client takes it up with whoever serves next. */
  end(): void {
    for (const listen of this.#listens) listen.end();
  }

  moveSessions(): Promise<MoveCounts> {
    return this.#pool.sessions.moveAll();
  }

  /** `stored`: rows of the connector's sessions that are gone from the store already. */
  async endSessions(stored: readonly StoredSession[]): Promise<void> {
    this.end();
    this.#parked.stop();
    await this.#pool.endSessions(stored);
  }

  async stop(): Promise<void> {
    this.end();
    this.#parked.stop();
    await this.#pool.stop();
  }

  async #request(
    exchange: ModernExchange,
    principal: string,
    text: string,
    id: RawId,
    method: string,
  ): Promise<ProxyError | undefined> {
    const reply = new ClientReply(exchange, id);
    const client = checkRequest(text, exchange.requestHeaders);
    if ("status" in client) {
      reply.finish(client);
      return undefined;
    }
    const request: ModernRequest = { text, id, method, reply, user: this.#userOf(exchange, principal, client) };
    try {
      if (mayRequireInput.has(method) && this.#retry(request)) return undefined;
      return await this.#fresh(request);
    } catch (error) {
      if (error instanceof OpeningRefused) return this.#refused(error, request);
      const { code, details } = ProxyError.from(error);
      exchange.outcome.errorCode = code;
      reply.finish(ownError(code, { ...details, requestId: exchange.requestId }));
    }
    return undefined;
  }

  #userOf({ requestHeaders }: ModernExchange, principal: string, client: ClientFacts): PoolUser {
    const word = requestHeaders[isolationHeader];
    return { principal, client, isolation: typeof word === "string" ? word.slice(0, limits.longestIsolation) : "" };
  }

  /** True if the request carries a state of ours, whatever comes of it. */
  #retry({ text, reply, user }: ModernRequest): boolean {
    const { inputResponses, requestState } = readRetry(text);
    if (requestState === undefined) return false;
    const facts = this.#seal.open(requestState);
    const { storeKey: connector, name } = this.#connector.settings;
    const caller = { connector, principal: user.principal, digest: requestDigest(text) };
    const fault = faultOf(facts, caller, Date.now());
    if (facts === undefined || fault !== undefined) {
      reply.finish(ownError(stateErrors[fault ?? "forged"], { connector: name }));
      return true;
    }
    if (facts.kind === "again") return false;
    const call = this.#parked.find(facts.park);
    // Ours, and not known any more: it went with an earlier life of this process, or long ago.
    if (call === undefined) reply.finish(ownError("CONTINUATION_LOST", { connector: name }));
    else call.retry(facts.round, inputResponses, reply);
    return true;
  }

  async #fresh(request: ModernRequest): Promise<ProxyError | undefined> {
    const { text, id, method, reply, user } = request;
    const on = reply.exchange;
    const filter = method === "subscriptions/listen" ? readFilter(text) : undefined;
    if (method === "subscriptions/listen" && filter === undefined) {
      const error = rpcError(rpcCode.invalidParams, "params.notifications is required.");
      reply.finish({ status: 400, member: "error", text: error });
      return undefined;
    }
    const { pooled, release } = await this.#pool.acquire(user, on);
    on.outcome.sessionHash = pooled.session.shortHash;
    if (filter !== undefined) {
      await serveListen({ pooled, release, on, open: this.#listens }, id, filter, reply);
      return undefined;
    }
    const refusal =
      method === "tools/call" && on.byMessage !== true
        ? checkParams(text, on.requestHeaders, pooled.paramsOf(nameIn(text)))
        : undefined;
    if (refusal !== undefined || method === "server/discover") {
      reply.finish(refusal ?? (await discovered(pooled, on)));
      release();
      return undefined;
    }
    const level = logLevelOf(text);
    if (level !== undefined) await pooled.logAt(level, on);
    const asTask = method === "tools/call" && (await pooled.runsAsTask(nameIn(text), on));
    return this.#call(request, pooled, release, asTask);
  }

  /** Resolves when the client has its answer, or the first question. */
  #call(
    { text, method, reply, user }: ModernRequest,
    pooled: PoolSession,
    release: () => void,
    asTask: boolean,
  ): Promise<ProxyError | undefined> {
    const settled = Promise.withResolvers<ProxyError | undefined>();
    const { storeKey: connector, name } = this.#connector.settings;
    const { principal, client } = user;
    // Most calls never wait, and need no name.
    let park: string | undefined;
    const parkId = (): string => (park ??= this.#parked.newId());
    const state = (kind: StateFacts["kind"], round: number): string => {
      const expiresAtMs = Date.now() + limits.parkTtlMs;
      return this.#seal.seal({
        kind,
        park: parkId(),
        connector,
        principal,
        digest: requestDigest(text),
        round,
        expiresAtMs,
      });
    };
    const call = new ModernCall(
      {
        pooled,
        release,
        client,
        connector: name,
        asTask,
        stateOf: (round) => state("park", round),
        againState: () => state("again", 0),
        parked: (waiting) => {
          this.#parked.wait(parkId(), principal, waiting);
          settled.resolve(undefined);
        },
        foreign: ({ status, text: body }) =>
          settled.resolve(new ProxyError("INITIALIZE_FAILED", { connector: name, upstream: { status, body } })),
        over: () => {
          if (park !== undefined) this.#parked.settle(park);
          settled.resolve(undefined);
        },
      },
      text,
      method,
      reply,
    );
    call.start();
    return settled.promise;
  }

  /** The server opened no session. Where that may mean another era, whoever routes finds out; anything else is its answer. */
  #refused({ answer }: OpeningRefused, { reply }: ModernRequest): ProxyError | undefined {
    const { settings } = this.#connector;
    const { status, headers, text = "" } = answer;
    const upstream = { status, contentType: headers["content-type"], body: text };
    const error = memberText(isObjectText(text) ? text : "{}", "error");
    const isOurs = error !== undefined && stringOf(memberText(error, "data", "origin")) === "holdfast";
    const mayBeModern = initializeEvidence({ status, contentType: "application/json", body: text }).legacy === "no";
    const isRefusal = status === 400 || status === 404 || status === 405;
    if (mayBeModern || (isRefusal && !isOurs))
      return new ProxyError("INITIALIZE_FAILED", { connector: settings.name, upstream });
    const { connection } = reply.exchange;
    if (status === 401 || status === 403) {
      // Front mode: the server's own challenge.
      connection.answer(status, Object.entries(headers).flat(), Buffer.from(text));
      return undefined;
    }
    const failed = ownError("INITIALIZE_FAILED", { connector: settings.name, upstream });
    reply.finish(error === undefined ? failed : { status: isOurs ? status : 502, member: "error", text: error });
    return undefined;
  }
}

async function discovered(pooled: PoolSession, on: ModernExchange): Promise<Outcome> {
  const hasStream = await pooled.stream(on);
  return { status: 200, member: "result", text: initializeToDiscover(pooled.initialized, hasStream) };
}

function nameIn(text: string): string {
  return stringOf(memberText(text, "params", "name")) ?? "";
}

function accept({ connection }: ModernExchange): undefined {
  connection.answer(202, ["content-length", "0"], Buffer.alloc(0));
}

/** The whole body: on a translated route it is rewritten, so it is never passed on piece by piece. */
async function readRequest({ body }: ModernExchange): Promise<Buffer> {
  if (body?.kept !== undefined) return body.kept;
  const chunks: Buffer[] = [];
  for await (const chunk of body?.stream ?? []) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
