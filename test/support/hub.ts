// Starts the built hub as a user does, and speaks to its REST interface. Imports nothing from src.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Child, lastingPort, startChild, temporaryDirectory } from "./process.ts";
import { program } from "./run-holdfast.ts";

type Json = Readonly<Record<string, unknown>>;

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; an empty object where there is none. */
  readonly body: Json;
}

export interface HubOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly dataDir?: string;
  readonly port?: number;
}

export interface Hub extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  /** The one-time link of the last start. */
  loginUrl(): string;
  adminToken(): string;
  pid(): number;
  /** With the admin's token, unless headers say otherwise; `undefined` as a value leaves a header out. */
  api(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string | undefined>>,
  ): Promise<ApiAnswer>;
  /** Asks until the status of the connector is of this kind. */
  until(name: string, kind: string, timeoutMs?: number): Promise<Json>;
  /** Adds what may not be added over REST: as whoever runs the hub, straight into the store. */
  addLocal(name: string, server: Json, more?: Json): Promise<void>;
  /** As whoever runs the hub: gives a connector another server. */
  edit(name: string, server: Json): Promise<void>;
  output(): string;
  stop(): Promise<number | NodeJS.Signals>;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

const addScript = `
  const [dataDir, name, server, more, root] = process.argv.slice(1);
  const { Connectors, openSealer, readSealingKey } = await import(root + "src/connectors/index.ts");
  const { openSqliteHubStores } = await import(root + "src/store/index.ts");
  await using stores = await openSqliteHubStores(dataDir);
  const connectors = new Connectors(stores.connectors, openSealer(readSealingKey(dataDir, process.env)));
  const options = { trusted: false, recovery: "transparent", recoveryWindowMs: 30000, maxSessions: 100, idleTimeoutMs: 3600000 };
  const spec = { server: JSON.parse(server), headers: {}, options, source: "store", from: "machine", ...JSON.parse(more) };
  await connectors.add({ name, spec, wanted: "connected" });
`;

const editScript = `
  const [dataDir, name, server, root] = process.argv.slice(1);
  const { Connectors, openSealer, readSealingKey } = await import(root + "src/connectors/index.ts");
  const { openSqliteHubStores } = await import(root + "src/store/index.ts");
  await using stores = await openSqliteHubStores(dataDir);
  const connectors = new Connectors(stores.connectors, openSealer(readSealingKey(dataDir, process.env)));
  await connectors.edit(name, { server: JSON.parse(server) });
`;

export async function startHub(options: HubOptions = {}): Promise<Hub> {
  const port = options.port ?? (await lastingPort());
  await using resources = new AsyncDisposableStack();
  const dataDir = options.dataDir ?? join(resources.use(await temporaryDirectory()).path, "data");
  const args = [program, "serve", "--port", String(port), "--data-dir", dataDir, "--log-format", "json"];
  const { env = {} } = options;
  const launch = async (): Promise<Child> => {
    const child = await startChild(process.execPath, [...args, ...(options.args ?? [])], { env });
    try {
      await child.waitForLine(/^Page: /);
      return child;
    } catch (error) {
      await child.end("SIGKILL");
      throw error;
    }
  };
  let child = await launch();
  const url = `http://127.0.0.1:${port}`;
  const ended: Child[] = [];
  const adminToken = () => readFileSync(join(dataDir, "admin-token"), "utf8").trim();
  const api: Hub["api"] = async (method, path, body, headers = {}) => {
    const all = {
      authorization: `Bearer ${adminToken()}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    };
    const given = Object.entries(all).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as [string, string]],
    );
    const answer = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: given,
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const isJson = /json/.test(answer.headers.get("content-type") ?? "");
    return { status: answer.status, headers: answer.headers, text, body: isJson ? (JSON.parse(text) as Json) : {} };
  };
  const owned = resources.move();
  return {
    url,
    port,
    dataDir,
    adminToken,
    api,
    loginUrl: () => /^Page: +(\S+)/m.exec(child.output("stdout"))?.[1] ?? "",
    pid: () => child.pid,
    until: async (name, kind, timeoutMs = 20_000) => {
      for (const end = Date.now() + timeoutMs; ; ) {
        const { body } = await api("GET", `/connectors/${name}`);
        if ((body["status"] as Json | undefined)?.["kind"] === kind) return body;
        if (Date.now() > end) throw new Error(`${name} is not ${kind}: ${JSON.stringify(body)}`);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    },
    addLocal: async (name, server, more = {}) => {
      const root = new URL("../../", import.meta.url).href;
      const texts = [dataDir, name, JSON.stringify(server), JSON.stringify(more), root];
      const adding = await startChild(process.execPath, ["--input-type=module", "-e", addScript, ...texts], { env });
      const status = await adding.exited;
      if (status !== 0) throw new Error(`not added: ${adding.output()}`);
      await api("POST", "/reload");
    },
    edit: async (name, server) => {
      const root = new URL("../../", import.meta.url).href;
      const texts = [dataDir, name, JSON.stringify(server), root];
      const editing = await startChild(process.execPath, ["--input-type=module", "-e", editScript, ...texts], { env });
      const status = await editing.exited;
      if (status !== 0) throw new Error(`not edited: ${editing.output()}`);
      await api("POST", "/reload");
    },
    output: () => [...ended, child].map((one) => one.output()).join(""),
    stop: () => child.end("SIGTERM"),
    kill: async () => void (await child.end("SIGKILL")),
    restart: async () => {
      await child.end("SIGKILL");
      ended.push(child);
      child = await launch();
    },
    [Symbol.asyncDispose]: async () => {
      await child.end("SIGKILL");
      await owned.disposeAsync();
    },
  };
}
