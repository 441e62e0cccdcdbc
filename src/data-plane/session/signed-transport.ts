// Sends what passes with the credential of a sign-in, and once more where the server refuses that one as too old. Knows nothing of sessions.
import type { Credential } from "../../credentials/index.ts";
import { sessionIdHeader } from "../../protocol/index.ts";
import type { Reply, Transport, WireRequest } from "../transport/index.ts";

type Answered = Extract<Reply, { kind: "reply" }>;

/** A `Transport` in front of `inner` whose requests carry the credential, where there is one; without one it costs a look at a field. */
export class SignedTransport implements Transport {
  readonly origin: string;
  readonly #inner: Transport;
  readonly #credential: Credential;

  constructor(inner: Transport, credential: Credential) {
    this.#inner = inner;
    this.#credential = credential;
    this.origin = inner.origin;
  }

  get wire(): string | undefined {
    return this.#inner.wire;
  }

  get sessionsOnly(): boolean | undefined {
    return this.#inner.sessionsOnly;
  }

  get messagesOnly(): boolean | undefined {
    return this.#inner.messagesOnly;
  }

  send(request: WireRequest): Promise<Reply> {
    if (this.#credential.isIdle || request.method === "OPTIONS") return this.#inner.send(request);
    return this.#signed(request, (signed) => this.#inner.send(signed));
  }

  askAside(request: WireRequest): Promise<Reply> {
    const ask = (signed: WireRequest): Promise<Reply> => this.#inner.askAside?.(signed) ?? this.#inner.send(signed);
    return this.#credential.isIdle ? ask(request) : this.#signed(request, ask);
  }

  sendTo(path: string, request: WireRequest & { readonly verb: string }): Promise<Reply> {
    return this.#inner.sendTo(path, request);
  }

  renew(): Promise<void> {
    return this.#inner.renew?.() ?? Promise.resolve();
  }

  retire(oldId: string, newId: string): void {
    this.#inner.retire?.(oldId, newId);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#inner[Symbol.asyncDispose]();
  }

  async #signed(request: WireRequest, send: (signed: WireRequest) => Promise<Reply>): Promise<Reply> {
    const credential = this.#credential;
    const used = await credential.current();
    if (used === undefined) return send(request);
    const reply = await send(new SignedRequest(request, used));
    if (reply.kind === "lost") return reply;
    if (reply.status === 403) credential.lacks(reply.headers["www-authenticate"]);
    else if (reply.status !== 401) credential.accepted();
    if (reply.status !== 401 || !(await isAboutCredential(request, reply))) return reply;
    if (!(await credential.refused(used))) return reply;
    // A body that was not kept is gone with the first try; the next request has the new credential.
    if (request.body !== undefined && !(request.body instanceof Uint8Array)) return reply;
    const renewed = credential.authorization;
    if (renewed === undefined || request.signal?.aborted === true) return reply;
    reply.body.abort();
    // A 401 is given before anything runs, so it may go a second time, whatever it is (design rule 4).
    const second = await send(new SignedRequest(request, renewed));
    if (second.kind === "reply" && second.status === 401 && (await isAboutCredential(request, second)))
      credential.refusedAgain();
    return second;
  }
}

/** A request with its credential. A class: a copy would leave behind what a request has from a class of its own, and an accessor in each literal would give each a shape of its own. */
class SignedRequest implements WireRequest {
  readonly method: WireRequest["method"];
  readonly headers: string[];
  readonly body: WireRequest["body"];
  readonly twoFollow: WireRequest["twoFollow"];
  readonly onNewConnection: WireRequest["onNewConnection"];
  readonly onSent: WireRequest["onSent"];
  readonly #request: WireRequest;

  constructor(request: WireRequest, authorization: string) {
    this.#request = request;
    this.method = request.method;
    this.headers = [...request.headers, "authorization", authorization];
    this.body = request.body;
    this.twoFollow = request.twoFollow;
    this.onNewConnection = request.onNewConnection;
    this.onSent = request.onSent === undefined ? undefined : (abort) => request.onSent?.(abort);
  }

  get signal(): AbortSignal | undefined {
    return this.#request.signal;
  }
}

/**
 * A challenge is about the credential, whatever the text says. Without one, on a session, old servers say a lost session with 401
 * (session-loss research, 2.2): that is for whoever knows sessions, who asks again without one.
 */
async function isAboutCredential(request: WireRequest, reply: Answered): Promise<boolean> {
  if (reply.headers["www-authenticate"] !== undefined) return true;
  if (!request.headers.includes(sessionIdHeader)) return true;
  await reply.body.ready();
  return !/session/i.test(Buffer.concat(reply.body.arrived).toString());
}
