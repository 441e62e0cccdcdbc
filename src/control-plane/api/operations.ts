// What each route does, given input that is checked already. Knows nothing of HTTP but what it answers with.
import {
  type Actual,
  type ConnectorSpec,
  mergePoints,
  type Running,
  stepMs,
  visibleAfterMs,
} from "../../connectors/index.ts";
import { type ErrorCode, ProxyError } from "../../errors/index.ts";
import { monotonicMs } from "../../protocol/index.ts";
import { eventStream } from "./event-stream.ts";
import type { Logins } from "./logins.ts";
import type { HubApi } from "./ports.ts";
import { InvalidInput, toProblem } from "./problem.ts";
import type {
  BegunSignIn,
  BodiesView,
  ConnectorChange,
  ConnectorView,
  NewConnector,
  NewSignIn,
  ServerInput,
  Settings,
  SettingsChange,
  SignedOut,
  SignInProgress,
  TestResult,
  ToolList,
  UpgradeResult,
} from "./schema.ts";
import { signInCookie } from "./sign-in-cookie.ts";
import {
  connectorView,
  exchangeView,
  restoreView,
  sessionView,
  statusView,
  tokenView,
  toolView,
  toTime,
} from "./views.ts";

export class Operations {
  readonly #hub: HubApi;
  readonly #logins: Logins;

  constructor(hub: HubApi, logins: Logins) {
    this.#hub = hub;
    this.#logins = logins;
  }

  connectors(): readonly ConnectorView[] {
    const nowMs = Date.now();
    return this.#hub.all().map((actual) => this.#view(actual, nowMs));
  }

  /** @throws ProxyError CONNECTOR_UNKNOWN */
  connector(name: string): ConnectorView {
    return this.#view(this.#actual(name), Date.now());
  }

  #view(actual: Actual<Running>, nowMs: number): ConnectorView {
    return connectorView(actual, this.#hub.origin, nowMs, this.#hub.signIns.facts(actual.record));
  }

  /** `page`: the origin of the page that asks; the browser that has it open must then be the one that comes back. */
  async signIn(
    name: string,
    { clientId, clientSecret, scope }: NewSignIn,
    page: string | undefined,
  ): Promise<{ readonly begun: BegunSignIn; readonly cookie: string | undefined }> {
    const { signIns, origin } = this.#hub;
    const cookie = page === undefined ? undefined : signInCookie(page);
    const begun = await signIns.flows.begin(signIns.place(this.#actual(name).record), {
      base: page ?? origin,
      browser: cookie?.key,
      scope,
      given: clientId === undefined ? undefined : { clientId, clientSecret },
    });
    const { id, authorizationUrl, expiresAtMs } = begun;
    return { begun: { id, authorizationUrl, expiresAt: toTime(expiresAtMs) }, cookie: cookie?.header };
  }

  signInProgress(name: string, id: string): SignInProgress {
    const news = this.#hub.signIns.flows.news(this.#actual(name).record.id, id);
    if (news === undefined) throw new ProxyError("NOT_THERE", { connector: name });
    if (news.state === "waiting") return { state: news.state, expiresAt: toTime(news.expiresAtMs) };
    if (news.state === "done") return { state: news.state };
    const { code, detail } = toProblem(news.error);
    return { state: news.state, code, detail };
  }

  async signOut(name: string): Promise<SignedOut> {
    const { wasSignedIn, isRevoked } = await this.#hub.signIns.signOut(this.#actual(name).record);
    return { signedOut: wasSignedIn, revoked: isRevoked };
  }

  async add({ name, server, headers, options, wanted }: NewConnector): Promise<ConnectorView> {
    await this.#assertTakeable(server, headers);
    const spec: ConnectorSpec = {
      server,
      headers,
      options: { ...defaults, ...given(options) },
      source: "store",
      from: "api",
    };
    await this.#hub.connectors.add({ name, spec, wanted });
    return this.connector(name);
  }

  async edit(name: string, change: ConnectorChange, ifGeneration: number | undefined): Promise<ConnectorView> {
    const { spec } = await this.#hub.connectors.get(name);
    const { server, headers, options } = change;
    await this.#assertTakeable(server, headers ?? {});
    await this.#hub.connectors.edit(
      name,
      {
        ...(server === undefined ? {} : { server, from: "api" }),
        ...(headers === undefined ? {} : { headers }),
        ...(options === undefined ? {} : { options: { ...spec.options, ...given(options) } }),
      },
      ifGeneration,
    );
    return this.connector(name);
  }

  async remove(name: string, ifGeneration: number | undefined): Promise<void> {
    await this.#hub.connectors.remove(name, ifGeneration);
  }

  async setWanted(
    name: string,
    wanted: "connected" | "disconnected",
    ifGeneration: number | undefined,
  ): Promise<ConnectorView> {
    await this.#hub.connectors.setWanted(name, wanted, ifGeneration);
    return this.connector(name);
  }

  async test(name: string): Promise<TestResult> {
    this.#actual(name);
    const startedMs = monotonicMs();
    await this.#hub.test(name);
    const actual = this.#actual(name);
    const ok = actual.opened?.evidence.isGood === true;
    // Whoever asks is told at once, and not first when a trouble has lasted long enough to be shown.
    const nowMs = ok ? Date.now() : Date.now() + visibleAfterMs;
    const status = statusView(actual, nowMs, this.#hub.signIns.facts(actual.record));
    return { ok, elapsedMs: Math.round(monotonicMs() - startedMs), status };
  }

  async upgrade(name: string): Promise<UpgradeResult> {
    const startedMs = monotonicMs();
    const counts = await this.#running(name).upgrade();
    if (counts === undefined) throw new ProxyError("CONNECTOR_HAS_NO_PROGRAM", { connector: name });
    return { ...counts, elapsedMs: Math.round(monotonicMs() - startedMs) };
  }

  async tools(name: string): Promise<ToolList> {
    const result = await this.#running(name).probe("tools");
    if (!result.ok) {
      const { code, status, head } = result;
      throw new ProxyError(code as ErrorCode, { connector: name, upstream: { status, body: head } });
    }
    const text = (key: string) => (typeof result.serverInfo?.[key] === "string" ? result.serverInfo[key] : undefined);
    const [serverName, serverVersion] = [text("name"), text("version")];
    return {
      at: toTime(Date.now()),
      ...(serverName === undefined ? {} : { serverName }),
      ...(serverVersion === undefined ? {} : { serverVersion }),
      protocolVersion: result.protocolVersion,
      tools: (result.tools ?? []).map(toolView),
    };
  }

  exchanges(name: string, after: number, limit: number) {
    const inspector = this.#hub.inspector(this.#actual(name).record);
    const { exchanges, restores } = inspector.since(after, limit);
    const next = Math.max(after, ...[...exchanges, ...restores].map(({ seq }) => seq));
    return {
      exchanges: exchanges.map(exchangeView),
      restores: restores.map((r) => restoreView(name, r)),
      next,
    };
  }

  bodies(name: string, seq: number): BodiesView {
    const bodies = this.#hub.inspector(this.#actual(name).record).bodiesOf(seq);
    if (bodies === undefined) throw new ProxyError("NOT_THERE", { connector: name });
    const { request, answer } = bodies;
    return { ...(request && { request }), ...(answer && { answer }) };
  }

  keepBodies(name: string, isWanted: boolean): undefined {
    // Of a connector that is disconnected nothing passes that could be kept.
    if (isWanted) this.#running(name);
    const isSo = this.#hub.inspector(this.#actual(name).record).keepBodies(isWanted);
    if (!isSo) throw new ProxyError("BODIES_NOT_KEPT", { connector: name });
    this.#hub.changed(name);
    return undefined;
  }

  stats(name: string | undefined) {
    const actuals = name === undefined ? this.#hub.all() : [this.#actual(name)];
    const rows = actuals.map(({ record }) => this.#hub.inspector(record).points());
    const points = mergePoints(rows, Date.now()).map(({ atMs, ...counts }) => ({ at: toTime(atMs), ...counts }));
    return { stepMs, points };
  }

  async sessions(name: string) {
    const { opened } = this.#actual(name);
    const stored = (await opened?.storedSessions()) ?? [];
    return { sessions: [...(opened?.sessions() ?? []), ...stored].map((facts) => sessionView(name, facts)) };
  }

  async breakSession(name: string, session: string) {
    const running = this.#running(name);
    const isStored = (await running.storedSessions()).some((one) => one.session === session);
    const outcome = isStored ? "unbreakable" : running.breakSession(session);
    if (outcome === "unbreakable") throw new ProxyError("SESSION_NOT_BREAKABLE", { connector: name });
    const facts = running.sessions().find((one) => one.session === session);
    if (outcome === "unknown" || facts === undefined) throw new ProxyError("NOT_THERE", { connector: name });
    return sessionView(name, facts);
  }

  async endSession(name: string, session: string): Promise<void> {
    if (!(await this.#running(name).endSession(session))) throw new ProxyError("NOT_THERE", { connector: name });
  }

  doctor(name: string) {
    this.#actual(name);
    return this.#hub.doctor(name);
  }

  events(name: string | undefined): Response {
    return eventStream(this.#hub.live, name, () => ({ type: "snapshot", connectors: [...this.connectors()] }));
  }

  settings(): Settings {
    return this.#hub.settings.now;
  }

  changeSettings(change: SettingsChange): Settings {
    return this.#hub.settings.change(change);
  }

  tokens() {
    return { tokens: this.#hub.tokens.list().map(tokenView) };
  }

  async addToken(user: string, label: string, role: "user" | "admin") {
    const { token, secret } = await this.#hub.tokens.add(user, label, role);
    return { ...tokenView(token), secret };
  }

  async revokeToken(id: string): Promise<void> {
    if (!(await this.#hub.tokens.revoke(id))) throw new ProxyError("NOT_THERE");
  }

  loginLink() {
    return { url: `${this.#hub.origin}/login#${this.#logins.newCode()}` };
  }

  /** The Set-Cookie. @throws ProxyError LOGIN_CODE_REFUSED */
  login(code: string): string {
    const cookie = this.#logins.exchange(code);
    if (cookie === undefined) throw new ProxyError("LOGIN_CODE_REFUSED");
    return cookie;
  }

  logout(cookies: string | undefined): string {
    return this.#logins.end(cookies);
  }

  #actual(name: string) {
    const actual = this.#hub.actual(name);
    if (actual === undefined) throw new ProxyError("CONNECTOR_UNKNOWN", { connector: name });
    return actual;
  }

  #running(name: string): Running {
    const { opened, problem } = this.#actual(name);
    if (opened !== undefined) return opened;
    if (problem === undefined) throw new ProxyError("CONNECTOR_DISCONNECTED", { connector: name });
    throw new ProxyError("CONNECTOR_NOT_USABLE", { connector: name, note: problem });
  }

  /** What comes over the API runs no program, reaches no local address and reads no variable of the hub, unless the hub was started so. */
  async #assertTakeable(server: ServerInput | undefined, headers: Readonly<Record<string, string>>): Promise<void> {
    const { access } = this.#hub;
    if (server?.kind === "stdio") {
      if (!access.allowStdioOverApi) throw new ProxyError("STDIO_OVER_API");
      return;
    }
    const texts = [...(server === undefined ? [] : [server.url]), ...Object.values(headers)];
    if (texts.some((text) => text.includes("${")) && !access.allowStdioOverApi) {
      const message =
        "Variables are filled in only for connectors that were added on the hub's machine; give the value itself.";
      throw new InvalidInput([{ path: "", message }]);
    }
    const url = server === undefined ? null : URL.parse(server.url);
    // What is no URL gets its own error from the check of the whole.
    if (url !== null) await access.assertAddress(url);
  }
}

const defaults = {
  trusted: false,
  recovery: "transparent",
  recoveryWindowMs: 30_000,
  maxSessions: 10_000,
  idleTimeoutMs: 7 * 24 * 3_600_000,
} as const;

/** Without what was left out. */
function given<T extends object>(options: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}
