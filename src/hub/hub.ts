// Puts a hub together: the store, many connectors that follow it, the REST API and the page on one listener.
import { drain, once, openShared, printable, whoMayTalk } from "../compose.ts";
import { adminTokenFile, announceHub, type HubOptions, withdrawHub } from "../config/index.ts";
import {
  type Actual,
  type AddressRules,
  ConfigFile,
  type ConnectorRecord,
  Connectors,
  Inspector,
  type Keeping,
  openAddressRules,
  openSealer,
  Reconciler,
  readSealingKey,
  readSecretFile,
  toConnectorOptions,
} from "../connectors/index.ts";
import { type DoctorReport, HubSettings, Logins, Tokens } from "../control-plane/api/index.ts";
import { type HttpServer, isLoopback, listen, runDoctor, type SharedParts } from "../data-plane/index.ts";
import type { Log, RequestRecord } from "../observability/index.ts";
import { monotonicMs } from "../protocol/index.ts";
import { type HubStores, openSqliteHubStores } from "../store/index.ts";
import { demoConnector, demoVariable } from "./demo.ts";
import { assertAllowed, HubConnector } from "./hub-connector.ts";
import { HubNews } from "./hub-news.ts";
import { HubRoutes } from "./hub-routes.ts";
import { HubSignIns } from "./hub-sign-ins.ts";
import { assertOnlyHub } from "./only-hub.ts";
import { Users } from "./users.ts";

export interface Hub {
  /** Scheme, host and port. */
  readonly url: string;
  /** Serves once. */
  readonly loginUrl: string;
  readonly connectors: readonly string[];
  /** Every program is started anew and takes its sessions over without a call lost; other servers stay as they are. */
  upgrade(): Promise<void>;
  close(): Promise<void>;
}

/** How soon the hub follows what another process has written. */
const followMs = 1_000;

/**
 * Starts many connectors behind one listener, with the REST API and the page to manage them.
 * @throws ConfigError for options or a key that do not fit; StoreError; Error of listening (`code` EADDRINUSE, EACCES)
 */
export async function startHub(options: HubOptions): Promise<Hub> {
  await using opened = new AsyncDisposableStack();
  const hub = await RunningHub.open(options, opened);
  await hub.start(opened);
  const parts = opened.move();
  return {
    url: hub.url,
    loginUrl: `${hub.url}/login#${hub.logins.newCode()}`,
    connectors: hub.names,
    upgrade: () => hub.upgrade(),
    close: once(async () => {
      await hub.stop();
      await parts.disposeAsync();
    }),
  };
}

export class RunningHub {
  readonly options: HubOptions;
  readonly shared: SharedParts;
  readonly connectors: Connectors;
  readonly tokens: Tokens;
  readonly users: Users;
  readonly addressRules: AddressRules;
  readonly news: HubNews;
  readonly signIns: HubSignIns;
  readonly #adminToken: string;
  readonly #stores: HubStores;
  readonly #reconciler: Reconciler<HubConnector>;
  /** By the connector's id: what was seen outlives a disconnect, and nothing of it a removal. */
  readonly #inspectors = new Map<string, Inspector>();
  readonly #env: Record<string, string | undefined> = { ...process.env };
  settings!: HubSettings;
  logins!: Logins;
  url = "";
  #server: HttpServer | undefined;
  #foreignChanges: number;
  #fileProblem: string | undefined;

  private constructor(options: HubOptions, shared: SharedParts, stores: HubStores, adminToken: string) {
    this.options = options;
    this.shared = { ...shared, log: this.#watched(shared.log) };
    this.#stores = stores;
    this.#adminToken = adminToken;
    this.#foreignChanges = stores.foreignChanges();
    this.tokens = new Tokens(stores.tokens, adminToken);
    this.users = new Users(this.tokens, shared.secret);
    this.addressRules = openAddressRules(options.allowPrivateAddresses);
    this.news = new HubNews(this);
    this.#reconciler = new Reconciler(
      (record) => this.#open(record),
      (name) => this.news.changed(name),
    );
    const key = readSealingKey(options.dataDir, this.#env);
    const sealer = openSealer(key);
    this.signIns = new HubSignIns(this, stores.credentials, openSealer(key, "credentials"), this.#env);
    this.connectors = new Connectors(stores.connectors, sealer, async (written) => {
      // Before the hub listens there is nobody to serve; all of it is followed at once then.
      if (this.#server === undefined) return;
      await this.#reconciler.follow(written);
      this.#forgetGone();
    });
  }

  static async open(options: HubOptions, opened: AsyncDisposableStack): Promise<RunningHub> {
    const adminToken = readSecretFile(options.dataDir, adminTokenFile);
    opened.use(await assertOnlyHub(options));
    const stores = opened.use(await openSqliteHubStores(options.dataDir));
    const parts = { ...options, token: undefined, headers: [], principal: "authorization" } as const;
    const shared = await openShared(parts, opened, async () => stores.sessions);
    return new RunningHub(options, shared, stores, adminToken);
  }

  async start(opened: AsyncDisposableStack): Promise<void> {
    const { options } = this;
    opened.defer(() => this.#reconciler.close());
    await this.#addDemo();
    await this.#followFile(opened);
    await this.#startDemo(opened);
    await this.tokens.load();
    const routes = new HubRoutes(this);
    this.tokens.whenRevoked(() => routes.endRevoked());
    await routes.loadPage();
    const server = await listen({
      host: options.host,
      port: options.port,
      connector: "-",
      admission: { ...whoMayTalk({ ...options, token: undefined }), frontPath: undefined },
      log: this.shared.log,
      metrics: this.shared.metrics,
      nowMs: monotonicMs,
      route: (path) => routes.route(path),
      shortRoute: (path, request, notes) => routes.shortRoute(path, request, notes),
      upgrade: (path) => routes.upgrade(path),
    });
    this.#server = server;
    this.url = `http://${printable(options.host)}:${server.port}`;
    this.logins = new Logins(this.#adminToken, server.port);
    this.settings = this.#settings();
    this.settings.fileProblem(this.#fileProblem);
    routes.open();
    await this.#followAll();
    const follow = setInterval(() => void this.#followIfChanged(), followMs).unref();
    opened.defer(() => clearInterval(follow));
    announceHub(options.dataDir, { url: this.url, pid: process.pid });
  }

  async stop(): Promise<void> {
    const { dataDir, drainTimeoutMs } = this.options;
    withdrawHub(dataDir, process.pid);
    this.news.close();
    const endpoints = this.all().flatMap(({ opened }) => opened?.endpoint ?? []);
    for (const endpoint of endpoints) endpoint.endStreams();
    if (this.#server !== undefined)
      await drain({ server: this.#server, endpoints, clock: this.shared.clock }, drainTimeoutMs);
  }

  async upgrade(): Promise<void> {
    const programs = this.all().filter(({ record }) => record.spec.server.kind === "stdio");
    await Promise.all(programs.flatMap(({ opened }) => opened?.upgrade() ?? []));
  }

  get names(): readonly string[] {
    return this.all().map(({ record }) => record.name);
  }

  get clientsNeedToken(): boolean {
    return this.options.requireToken || !isLoopback(this.options.host);
  }

  actual(name: string): Actual<HubConnector> | undefined {
    return this.#reconciler.get(name);
  }

  all(): readonly Actual<HubConnector>[] {
    return this.#reconciler.all().toSorted((a, b) => (a.record.name < b.record.name ? -1 : 1));
  }

  inspector({ id, name }: ConnectorRecord): Inspector {
    let inspector = this.#inspectors.get(id);
    if (inspector === undefined) {
      inspector = new Inspector(keeping(this.settings.now), (news) => this.news.inspected(name, news));
      this.#inspectors.set(id, inspector);
    }
    return inspector;
  }

  async doctor(name: string): Promise<DoctorReport> {
    const record = await this.connectors.get(name);
    const isRestricted = record.spec.from === "api";
    const signed = await this.signIns.signed(record);
    return runDoctor({
      name,
      resolve: () => {
        const options = toConnectorOptions(record, this.#env);
        if (isRestricted) assertAllowed(options, this.addressRules);
        return { ...options, headers: [...options.headers, ...signed] };
      },
      lookup: isRestricted ? this.addressRules.lookup : undefined,
    });
  }

  async reload(): Promise<void> {
    this.#foreignChanges = this.#stores.foreignChanges();
    await this.#followAll();
    await this.tokens.load();
    await this.signIns.reload();
  }

  #open(record: ConnectorRecord): HubConnector {
    const { name } = record;
    return new HubConnector(record, {
      shared: this.shared,
      env: this.#env,
      inspector: this.inspector(record),
      addressRules: this.addressRules,
      credential: (request) => this.tokens.credentialOf(request.headers.authorization),
      userOf: (principal) => this.users.nameOf(principal),
      upstreamCredential: (opened, options) => this.signIns.credentialOf(opened, options),
      probeIntervalMs: () => this.settings.now.probeIntervalMs,
      changed: () => this.news.changed(name),
      sessionChanged: (session, isOver) => this.news.sessionChanged(name, session, isOver),
    });
  }

  async #followAll(): Promise<void> {
    const through = await this.#stores.connectors.generation();
    await this.#reconciler.followAll(await this.connectors.list(), through);
    this.#forgetGone();
  }

  async #followIfChanged(): Promise<void> {
    try {
      if (this.#stores.foreignChanges() !== this.#foreignChanges) await this.reload();
    } catch (cause) {
      this.shared.log.event("error", "store not followed", { reason: String(cause) });
    }
  }

  #forgetGone(): void {
    const records = this.#reconciler.all().map(({ record }) => record);
    this.signIns.follow(records);
    const ids = new Set(records.map(({ id }) => id));
    for (const id of this.#inspectors.keys()) if (!ids.has(id)) this.#inspectors.delete(id);
  }

  /** The log as it is, and each line to the connector that it is about as well. */
  #watched(log: Log): Log {
    const seen = (record: RequestRecord): void => {
      log.request(record);
      this.#reconciler.get(record.connector)?.opened?.exchange(record);
    };
    return { request: seen, event: (...event) => log.event(...event), close: () => log.close() };
  }

  /** The file's connectors go with the file: a hub that is started without one has none of them. */
  async #followFile(opened: AsyncDisposableStack): Promise<void> {
    const { configFile } = this.options;
    if (configFile === undefined) return void (await this.connectors.syncFile([]));
    const { log } = this.shared;
    const told = {
      read: (taken: readonly string[]) => {
        this.#tellProblem(undefined);
        log.event("info", "config file read", { file: configFile });
        for (const connector of taken)
          log.event("warn", "config file: a connector of this name is in the store, which counts", { connector });
      },
      failed: (problem: string) => {
        this.#tellProblem(problem);
        log.event("error", "config file not followed", { reason: problem });
      },
    };
    opened.use(await ConfigFile.open(configFile, this.connectors, told));
  }

  /** The settings are there as soon as the hub listens; what the file was like before that they take over. */
  #tellProblem(problem: string | undefined): void {
    this.#fileProblem = problem;
    if (this.url !== "") this.settings.fileProblem(problem);
  }

  /** Once in the life of a data directory: a demo that was removed stays removed. */
  async #addDemo(): Promise<void> {
    if (!this.options.demo || this.options.configFile !== undefined || !(await this.connectors.isNew())) return;
    await this.connectors.add(demoConnector);
  }

  /** The faulty server runs in this process, for as long as a connector names it. */
  async #startDemo(opened: AsyncDisposableStack): Promise<void> {
    const named = (await this.connectors.list()).some(
      ({ spec: { server } }) => server.kind === "http" && server.url.includes(demoVariable),
    );
    if (!named) return;
    const { startChaos } = await import("../chaos/index.ts");
    const chaos = await startChaos({ port: 0 });
    opened.defer(() => chaos.close());
    this.#env[demoVariable] = chaos.url;
  }

  #settings(): HubSettings {
    const { options } = this;
    const now = {
      version: options.version,
      url: this.url,
      startedAt: new Date().toISOString(),
      dataDir: options.dataDir,
      ...(options.configFile === undefined ? {} : { configFile: options.configFile }),
      allowStdioOverApi: options.allowStdioOverApi,
      allowPrivateAddresses: [...options.allowPrivateAddresses],
      clientsNeedToken: this.clientsNeedToken,
      keepExchanges: 200,
      keepBodyBytes: 1024 * 1024,
      probeIntervalMs: 60_000,
    };
    return new HubSettings(now, (changed) => {
      for (const inspector of this.#inspectors.values()) inspector.keep = keeping(changed);
      for (const { opened } of this.all()) opened?.retime();
    });
  }
}

function keeping({ keepExchanges, keepBodyBytes }: HubSettings["now"]): Keeping {
  return { exchanges: keepExchanges, bodyBytes: keepBodyBytes };
}
