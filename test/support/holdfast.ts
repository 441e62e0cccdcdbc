// Starts the built program as a user does and reads what it prints. Imports nothing from src.
import { fileURLToPath } from "node:url";
import { type Child, lastingPort, startChild, temporaryDirectory } from "./process.ts";

const program = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

export interface HoldfastOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default: a directory of its own, removed with the process. */
  readonly dataDir?: string;
  readonly port?: number;
}

export interface Holdfast extends AsyncDisposable {
  /** Where clients connect. */
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  pid(): number;
  /** Resolves with the exit status when it ends, whoever asked it to. */
  exited(): Promise<number | NodeJS.Signals>;
  /** The lines of the log that are JSON objects, of all runs; complete only after `stop`, for Holdfast writes in batches. */
  log(): readonly Readonly<Record<string, unknown>>[];
  /** The log lines of POSTs by JSON-RPC method since that time; what Holdfast asks the server itself is not among them. */
  requests(method: string, since?: Date): readonly Readonly<Record<string, unknown>>[];
  /** Everything printed on both streams, of all runs since the first start. */
  output(): string;
  /** SIGTERM; resolves with the exit status. */
  stop(): Promise<number | NodeJS.Signals>;
  kill(): Promise<void>;
  /** Starts it again on the same port and data directory; a process that still runs gets SIGKILL first. */
  restart(): Promise<void>;
}

function jsonLines(text: string): readonly Readonly<Record<string, unknown>>[] {
  return text.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    try {
      const entry: Record<string, unknown> = JSON.parse(line);
      return [entry];
    } catch {
      return [];
    }
  });
}

/** Without a URL the server stands at the end of `args`: a command after --. */
export async function startHoldfast(upstreamUrl: string | undefined, options: HoldfastOptions = {}): Promise<Holdfast> {
  const port = options.port ?? (await lastingPort());
  await using resources = new AsyncDisposableStack();
  const dataDir = options.dataDir ?? resources.use(await temporaryDirectory()).path;
  const server = upstreamUrl === undefined ? [] : [upstreamUrl];
  const args = [program, ...server, "--port", String(port), "--data-dir", dataDir, "--log-format", "json"];
  const launch = async (): Promise<[Child, string]> => {
    const env = options.env ?? {};
    const child = await startChild(process.execPath, [...args, ...(options.args ?? [])], { env });
    try {
      const [url] = await child.waitForLine(new RegExp(`https?://[^\\s/]+:${port}/\\S*`));
      return [child, url];
    } catch (error) {
      await child.end("SIGKILL");
      throw error;
    }
  };

  let [child, url] = await launch();
  const ended: Child[] = [];
  const running = () => [...ended, child];
  const log = () => running().flatMap((one) => jsonLines(one.output("stderr")));
  const owned = resources.move();
  return {
    url,
    port,
    dataDir,
    pid: () => child.pid,
    exited: () => child.exited,
    log,
    requests: (method, since = new Date(0)) =>
      log().filter(
        (line) =>
          line["jsonrpc_method"] === method &&
          line["http_method"] === "POST" &&
          new Date(String(line["time"])).getTime() >= since.getTime(),
      ),
    output: () =>
      running()
        .map((one) => one.output())
        .join(""),
    stop: () => child.end("SIGTERM"),
    kill: async () => void (await child.end("SIGKILL")),
    restart: async () => {
      await child.end("SIGKILL");
      ended.push(child);
      [child] = await launch();
    },
    [Symbol.asyncDispose]: async () => {
      await child.end("SIGKILL");
      await owned.disposeAsync();
    },
  };
}
