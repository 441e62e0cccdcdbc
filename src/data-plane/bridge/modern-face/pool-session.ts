// One session of a legacy server that modern requests share: how many are in flight, who listens to its stream, what its server said of itself.
import { memberText, memberTexts, rpcCode } from "../../../protocol/index.ts";
import { type ClientExchange, relayRequest, type Streams } from "../../relay/index.ts";
import type { UpstreamSession } from "../../session/index.ts";
import { refusalToLegacy } from "../translate/asks.ts";
import { stringOf } from "../translate/client-facts.ts";
import { errorResponse, resultResponse, rpcError } from "../translate/errors.ts";
import { type ParamHeader, paramHeadersOf } from "../translate/modern-headers.ts";
import { mostVerbose } from "../translate/notifications.ts";
import { toolsOf } from "../translate/results.ts";
import { insistsOnTask } from "../translate/tasks.ts";
import { InnerConnection, innerAnswer, innerGet, innerId, innerPost, type OnBehalf } from "./inner-exchange.ts";

/** Something that hears what the server tells of its own accord. */
export interface Listener {
  /** A notification of a change, as the server wrote it. */
  changed(notification: string): void;
  /** The stream was away for a while, and nobody knows what it would have told. */
  missed(): void;
  /** Nothing more will come. */
  end(): void;
}

/** A call that may be asked on behalf of: its own stream brought the ask, or it is the only one that can have caused it. */
export interface Asked {
  ask(message: string): void;
}

const knownTools = 5_000;
const mostPages = 100;

export class PoolSession {
  readonly session: UpstreamSession;
  /** InitializeResult, JSON text. */
  readonly initialized: string;
  readonly listeners = new Set<Listener>();
  /** Calls to which the server's question on the standing stream may belong. */
  readonly interactive = new Set<Asked>();
  inFlight = 0;
  /** The server asks on its standing stream, where only one call at a time can be told. */
  asksUnrelated = false;
  /** Called whenever the server asks something. */
  onAsked: () => void = () => {};
  readonly #streams: Streams;
  readonly #warn: (what: string) => void;
  readonly #uris = new Map<string, number>();
  readonly #params = new Map<string, readonly ParamHeader[]>();
  /** Tools that run only as tasks. */
  readonly #asTask = new Set<string>();
  #listing: Promise<void> | undefined;
  #level: string | undefined;
  #stream: Promise<boolean> | undefined;
  #standing: InnerConnection | undefined;

  constructor(session: UpstreamSession, initialized: string, streams: Streams, warn: (what: string) => void) {
    this.session = session;
    this.initialized = initialized;
    this.#streams = streams;
    this.#warn = warn;
  }

  get capabilities(): string {
    return memberText(this.initialized, "capabilities") ?? "{}";
  }

  get serverInfo(): string | undefined {
    return memberText(this.initialized, "serverInfo");
  }

  get version(): string {
    return this.session.snapshot.clientVersion;
  }

  /** Sends one message of the bridge's own, whose answer nobody needs but the session itself. */
  async tell(text: string, on: OnBehalf): Promise<void> {
    await innerAnswer((connection) => relayRequest(this.#post(text, on, connection), this.session));
  }

  /** Relays one message; its answer goes to the connection. */
  relay(text: string, on: OnBehalf, connection: InnerConnection): Promise<void> {
    return relayRequest(this.#post(text, on, connection), this.session);
  }

  #post(text: string, on: OnBehalf, connection: Parameters<typeof innerPost>[3]): ClientExchange {
    return innerPost(text, this.version, on, connection);
  }

  /** The level goes only down in gravity while the session is shared, and each caller gets no more than it asked for. */
  async logAt(level: string, on: OnBehalf): Promise<void> {
    const wanted = mostVerbose(this.#level, level);
    if (wanted === this.#level || memberText(this.capabilities, "logging") === undefined) return;
    this.#level = wanted;
    const params = `{"level":${JSON.stringify(wanted)}}`;
    await this.tell(`{"jsonrpc":"2.0","id":${innerId()},"method":"logging/setLevel","params":${params}}`, on);
  }

  /** Opens the standing stream, once. Resolves with whether the server offers one, or has not said so within a moment. */
  stream(on: OnBehalf): Promise<boolean> {
    this.#stream ??= this.#openStream(on);
    return this.#stream;
  }

  #openStream(on: OnBehalf): Promise<boolean> {
    return new Promise((resolve) => {
      // Some servers send the head of a stream with its first event.
      const timer = setTimeout(() => resolve(true), streamOpenMs);
      const connection = new InnerConnection({
        head(status) {
          clearTimeout(timer);
          resolve(status === 200);
        },
        message: (text) => {
          this.#heard(text, on);
          return true;
        },
        end: () => {
          clearTimeout(timer);
          this.#stream = undefined;
          this.#standing = undefined;
          resolve(false);
        },
      });
      this.#standing = connection;
      void this.#streams
        .attach(innerGet(this.version, on, connection), this.session)
        .then(() => this.#watchRestores(connection));
    });
  }

  /** A restored session has a new stream. */
  #watchRestores(connection: InnerConnection): void {
    const { session } = this;
    const open = session.openStream;
    if (open === undefined || this.#standing !== connection) return;
    session.openStream = async (context) => {
      await open(context);
      for (const listener of this.listeners) listener.missed();
    };
  }

  #heard(text: string, on: OnBehalf): void {
    const method = stringOf(memberText(text, "method"));
    if (method === undefined) return;
    if (memberText(text, "id") === undefined) return this.changed(text);
    if (method === "ping") return void this.answer(resultResponse(memberText(text, "id") ?? "null", "{}"), on);
    // From here on calls that may be asked are kept apart, so that the next question finds its own.
    this.asksUnrelated = true;
    const [only, ...others] = this.interactive;
    if (only !== undefined && others.length === 0) return only.ask(text);
    this.#warn(`The server asked ${method} without saying for which call; nobody could answer.`);
    this.decline(memberText(text, "id") ?? "null", method, on);
  }

  /** A notification that belongs to no call. */
  changed(notification: string): void {
    if (stringOf(memberText(notification, "method")) === "notifications/tools/list_changed") this.#listing = undefined;
    for (const listener of this.listeners) listener.changed(notification);
  }

  /** The server's question is not answered by anybody. */
  decline(id: string, method: string, on: OnBehalf): void {
    const isKnown = ["elicitation/create", "sampling/createMessage", "roots/list"].includes(method);
    const refusal = isKnown
      ? refusalToLegacy(id, method)
      : errorResponse(id, rpcError(rpcCode.methodNotFound, "The client does not support this."));
    this.answer(refusal, on);
  }

  /** Sends an answer to a question of the server; never to a session that did not ask it. */
  answer(text: string, on: OnBehalf): boolean {
    const id = memberText(text, "id");
    const asked = id === undefined ? undefined : this.session.asked.get(id);
    if (id !== undefined) this.session.asked.delete(id);
    const { state } = this.session;
    if (asked !== undefined && (state.at !== "operating" || state.generation !== asked)) return false;
    void this.tell(text, on);
    return true;
  }

  async subscribe(uri: string, on: OnBehalf): Promise<void> {
    const count = this.#uris.get(uri) ?? 0;
    this.#uris.set(uri, count + 1);
    if (count === 0) await this.tell(subscription("resources/subscribe", uri), on);
  }

  async unsubscribe(uri: string, on: OnBehalf): Promise<void> {
    const count = (this.#uris.get(uri) ?? 1) - 1;
    if (count > 0) return void this.#uris.set(uri, count);
    this.#uris.delete(uri);
    await this.tell(subscription("resources/unsubscribe", uri), on);
  }

  /** Remembers what a page of tools asks for in headers. */
  learnTools(result: string): void {
    if (this.#params.size > knownTools) this.#params.clear();
    if (this.#asTask.size > knownTools) this.#asTask.clear();
    for (const tool of toolsOf(result)) {
      const name = stringOf(memberText(tool, "name"));
      const schema = memberText(tool, "inputSchema");
      if (name === undefined) continue;
      if (schema !== undefined) this.#params.set(name, paramHeadersOf(schema));
      if (insistsOnTask(tool)) this.#asTask.add(name);
      else this.#asTask.delete(name);
    }
  }

  /** Whether this tool runs only as a task. A server that offers tasks for tools is asked for its list first, for its refusal would come too late to tell. */
  async runsAsTask(tool: string, on: OnBehalf): Promise<boolean> {
    if (memberText(this.capabilities, "tasks", "requests", "tools", "call") === undefined) return false;
    this.#listing ??= this.#listTools(on);
    await this.#listing;
    return this.#asTask.has(tool);
  }

  async #listTools(on: OnBehalf): Promise<void> {
    let params = "{}";
    for (let page = 0; page < mostPages; page++) {
      const text = `{"jsonrpc":"2.0","id":${innerId()},"method":"tools/list","params":${params}}`;
      const answer = await innerAnswer((connection) => relayRequest(this.#post(text, on, connection), this.session));
      const result = memberText(answer.text ?? "{}", "result");
      if (result === undefined) {
        // Asked again by the next call: a task-only tool must not be called plainly for want of the list.
        this.#listing = undefined;
        return;
      }
      this.learnTools(result);
      const cursor = memberText(result, "nextCursor");
      if (cursor === undefined) return;
      params = `{"cursor":${cursor}}`;
    }
  }

  /** The headers that a call of this tool must mirror; none as long as nobody has listed it. */
  paramsOf(tool: string): readonly ParamHeader[] {
    return this.#params.get(tool) ?? [];
  }

  /** Nobody listens and nothing waits. */
  get isIdle(): boolean {
    return this.inFlight === 0 && this.listeners.size === 0;
  }

  /** Whoever listens has to take it up with the session, or the server, that comes next. */
  close(): void {
    for (const listener of this.listeners) listener.end();
    this.#standing?.leave();
  }
}

const streamOpenMs = 1_000;

function subscription(method: string, uri: string): string {
  return `{"jsonrpc":"2.0","id":${innerId()},"method":"${method}","params":{"uri":${JSON.stringify(uri)}}}`;
}

/** True if the client of these facts could be asked anything. */
export function isInteractive(capabilities: string): boolean {
  const declared = memberTexts(capabilities);
  return declared.has("elicitation") || declared.has("sampling") || declared.has("roots");
}
