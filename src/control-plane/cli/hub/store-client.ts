// The store of a hub that does not run, and the writing of what is typed here: whoever may read the data directory owns this machine's hub, so local
// addresses and commands are theirs to add. Connects to nothing, but for a diagnosis.
import {
  type ConnectorRecord,
  Connectors,
  openSealer,
  readSealingKey,
  toConnectorOptions,
} from "../../../connectors/index.ts";
import type { SignInNews } from "../../../credentials/index.ts";
import { catalog, ProxyError } from "../../../errors/index.ts";
import { monotonicMs } from "../../../protocol/index.ts";
import { type HubStores, openSqliteHubStores } from "../../../store/index.ts";
import type { ConnectorView, DoctorReport, SignInProgress } from "../../api/schema.ts";
import { exitCodes, VerbError } from "./exit-codes.ts";
import type { HubClient } from "./hub-client.ts";
import type { LocalParts } from "./local-parts.ts";
import { LocalSignIns } from "./local-sign-ins.ts";
import { viewOf } from "./view-of.ts";

export interface LocalStore extends AsyncDisposable {
  readonly connectors: Connectors;
  readonly signIns: LocalSignIns;
}

/** @throws ConfigError for a data directory or a key that cannot be used */
export async function openLocalStore(dataDir: string): Promise<LocalStore> {
  const key = readSealingKey(dataDir, process.env);
  const stores: HubStores = await openSqliteHubStores(dataDir);
  const signIns = new LocalSignIns(stores.credentials, key);
  return {
    connectors: new Connectors(stores.connectors, openSealer(key)),
    signIns,
    [Symbol.asyncDispose]: async () => {
      await signIns[Symbol.asyncDispose]();
      await stores[Symbol.asyncDispose]();
    },
  };
}

export async function openStoreClient(dataDir: string, parts: LocalParts): Promise<HubClient> {
  const { connectors, signIns, ...store } = await openLocalStore(dataDir);
  const doctor = async (name: string) => {
    const record = await connectors.get(name);
    return examine(record, await signIns.signed(record), parts);
  };
  const view = async (record: ConnectorRecord) => viewOf(record, await signIns.facts(record));
  const needsHub = (): never => {
    throw new VerbError("No hub runs, and this needs one: start it with holdfast serve.", exitCodes.unreachable);
  };
  return {
    where: `the store in ${dataDir} (no hub runs)`,
    url: undefined,
    list: async () => Promise.all((await connectors.list()).map(view)),
    get: async (name) => view(await connectors.get(name)),
    setWanted: async (name, wanted) => view(await connectors.setWanted(name, wanted)),
    async remove(name) {
      const record = await connectors.get(name);
      // The server is told as well; where it cannot be, what is kept here goes all the same.
      if ((await signIns.facts(record)) !== undefined) await signIns.signOut(record).catch(() => {});
      await connectors.remove(name);
    },
    signIn: async (name, wish) => {
      const { id, authorizationUrl, expiresAtMs } = await signIns.begin(await connectors.get(name), wish);
      return { id, authorizationUrl, expiresAt: new Date(expiresAtMs).toISOString() };
    },
    signInProgress: async (name, id) => progressOf(signIns.news(await connectors.get(name), id)),
    signOut: async (name) => signIns.signOut(await connectors.get(name)),
    doctor,
    test: async (name) => {
      const begun = monotonicMs();
      const report = await doctor(name);
      const record = await connectors.get(name);
      return {
        ok: report.ok,
        elapsedMs: Math.round(monotonicMs() - begun),
        status: statusOf(viewOf(record), report),
      };
    },
    upgrade: async () => needsHub(),
    tools: async () => needsHub(),
    exchanges: async () => needsHub(),
    bodies: async () => needsHub(),
    keepBodies: async () => needsHub(),
    // oxlint-disable-next-line require-yield -- there is nothing to follow
    async *events() {
      needsHub();
    },
    sessions: async () => needsHub(),
    breakSession: async () => needsHub(),
    endSession: async () => needsHub(),
    postMcp: async () => needsHub(),
    endMcp: async () => needsHub(),
    reload: async () => {},
    settings: async () => needsHub(),
    loginLink: async () => needsHub(),
    [Symbol.asyncDispose]: async () => store[Symbol.asyncDispose](),
  };
}

function progressOf(news: SignInNews | undefined): SignInProgress {
  if (news === undefined) throw new ProxyError("NOT_THERE");
  if (news.state === "waiting") return { state: news.state, expiresAt: new Date(news.expiresAtMs).toISOString() };
  if (news.state === "done") return { state: news.state };
  const { code, message } = news.error;
  return { state: news.state, code, detail: `${message} ${catalog[code].remedy}` };
}

function examine(record: ConnectorRecord, signed: readonly string[], parts: LocalParts): Promise<DoctorReport> {
  const resolve = () => {
    const options = toConnectorOptions(record, process.env);
    return { ...options, headers: [...options.headers, ...signed] };
  };
  return parts.runDoctor({ name: record.name, resolve });
}

function statusOf(view: ConnectorView, report: DoctorReport): ConnectorView["status"] {
  const asksForSignIn = report.steps.some(({ outcome, status }) => outcome === "failed" && status === 401);
  const kind = report.ok ? "connected" : asksForSignIn ? "needs-sign-in" : "unreachable";
  return {
    ...view.status,
    kind,
    since: report.at,
    summary: report.verdict,
    ...(report.ok ? { lastGoodAt: report.at } : {}),
    ...(report.action === undefined ? {} : { action: report.action }),
  };
}
