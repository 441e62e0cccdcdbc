// The store of a hub that does not run, and the writing of what is typed here: whoever may read the data directory owns this machine's hub, so local
// addresses and commands are theirs to add. Connects to nothing, but for a diagnosis.
import {
  type ConnectorRecord,
  Connectors,
  openSealer,
  readSealingKey,
  toConnectorOptions,
} from "../../../connectors/index.ts";
import { type HubStores, openSqliteHubStores } from "../../../store/index.ts";
import type { ConnectorView, DoctorReport } from "../../api/schema.ts";
import { exitCodes, VerbError } from "./exit-codes.ts";
import type { HubClient } from "./hub-client.ts";
import type { LocalParts } from "./local-parts.ts";
import { viewOf } from "./view-of.ts";

export interface LocalStore extends AsyncDisposable {
  readonly connectors: Connectors;
}

/** @throws ConfigError for a data directory or a key that cannot be used */
export async function openLocalStore(dataDir: string): Promise<LocalStore> {
  const key = readSealingKey(dataDir, process.env);
  const stores: HubStores = await openSqliteHubStores(dataDir);
  return {
    connectors: new Connectors(stores.connectors, openSealer(key)),
    [Symbol.asyncDispose]: async () => stores[Symbol.asyncDispose](),
  };
}

export async function openStoreClient(dataDir: string, parts: LocalParts): Promise<HubClient> {
  const { connectors, ...store } = await openLocalStore(dataDir);
  const doctor = async (name: string) => examine(await connectors.get(name), parts);
  const needsHub = (): never => {
    throw new VerbError("No hub runs, and this needs one: start it with holdfast serve.", exitCodes.unreachable);
  };
  return {
    where: `the store in ${dataDir} (no hub runs)`,
    url: undefined,
    list: async () => (await connectors.list()).map(viewOf),
    get: async (name) => viewOf(await connectors.get(name)),
    setWanted: async (name, wanted) => viewOf(await connectors.setWanted(name, wanted)),
    remove: (name) => connectors.remove(name),
    doctor,
    test: async (name) => {
      const begun = performance.now();
      const report = await doctor(name);
      const record = await connectors.get(name);
      return {
        ok: report.ok,
        elapsedMs: Math.round(performance.now() - begun),
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

function examine(record: ConnectorRecord, parts: LocalParts): Promise<DoctorReport> {
  return parts.runDoctor({ name: record.name, resolve: () => toConnectorOptions(record, process.env) });
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
