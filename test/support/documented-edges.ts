// The edges of docs/, exactly as documented: the files are read from there, and only ports, names and the secret path are replaced.
import { readFile, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { type EdgePart, findPart } from "./parts.ts";
import { type Child, lastingPort, startChild, temporaryDirectory } from "./process.ts";
import { type Upstream, upstream } from "./upstreams.ts";

/** What the documented configuration is filled with; the servers are those of its two examples. */
export interface Documented {
  /** Port of the Holdfast before the server with a login. */
  readonly withLogin?: number;
  /** Port of the Holdfast before the server under the secret path, and that path without slashes. */
  readonly secret?: { readonly port: number; readonly path: string };
  /** Default: a free one. */
  readonly port?: number;
  /** nginx only: in place of the documented time after which a quiet stream is cut. */
  readonly readTimeout?: string;
}

/** Both names are this machine, and so the same file serves both examples on one port. */
const names = { "mcp.example.com": "127.0.0.1", "tools.example.com": "localhost" } as const;

async function documented(file: string, port: number, { withLogin, secret, readTimeout }: Documented): Promise<string> {
  let text = await readFile(new URL(`../../docs/${file}`, import.meta.url), "utf8");
  const replace = (documentedText: string, real: string): void => {
    if (!text.includes(documentedText)) throw new Error(`docs/${file} does not mention ${documentedText}`);
    text = text.replaceAll(documentedText, real);
  };
  replace("127.0.0.1:4747", `127.0.0.1:${withLogin ?? 9}`);
  replace("127.0.0.1:4748", `127.0.0.1:${secret?.port ?? 9}`);
  replace("SECRET-PATH", secret?.path ?? "nobody-knows");
  if (readTimeout !== undefined) replace("proxy_read_timeout 1d;", `proxy_read_timeout ${readTimeout};`);
  if (file === "nginx.conf") replace("listen 80;", `listen 127.0.0.1:${port};`);
  for (const [name, real] of Object.entries(names)) {
    if (file === "Caddyfile") replace(`http://${name}`, `http://${real}:${port}`);
    else replace(name, real);
  }
  return text;
}

async function nginxFile(directory: string, port: number, edge: Documented): Promise<string> {
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${directory}/${kind};`,
  );
  return `
daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? `user ${userInfo().username};` : ""}
pid ${directory}/nginx.pid;
error_log stderr notice;
events { worker_connections 256; }
http {
  access_log off;
  ${paths.join("\n  ")}
${await documented("nginx.conf", port, edge)}
}
`;
}

async function caddyFile(_directory: string, port: number, edge: Documented): Promise<string> {
  const global = "{\n\tadmin off\n\tauto_https off\n\tgrace_period 200ms\n\tdefault_bind 127.0.0.1\n}\n";
  return `${global}${await documented("Caddyfile", port, edge)}`;
}

const programs = {
  nginx: {
    write: nginxFile,
    args: (file: string, directory: string) => ["-p", directory, "-e", "stderr", "-c", file],
    ready: /start worker process \d+/,
  },
  caddy: {
    write: caddyFile,
    args: (file: string) => ["run", "--adapter", "caddyfile", "--config", file],
    ready: /serving initial configuration/,
  },
} as const;

export interface DocumentedEdge extends Upstream {
  readonly port: number;
  /** Where clients of the first example connect. */
  readonly loginUrl: string;
  /** Where clients of the second example connect. */
  readonly secretUrl: string;
}

export async function documentedEdge(part: EdgePart, edge: Documented): Promise<DocumentedEdge> {
  const command = findPart(part);
  if (command === undefined) throw new Error(`${part} is not installed`);
  const port = edge.port ?? (await lastingPort());
  const resources = new AsyncDisposableStack();
  const { path: directory } = resources.use(await temporaryDirectory());
  const file = join(directory, `${part}.conf`);
  const program = programs[part];
  await writeFile(file, await program.write(directory, port, edge));
  const launch = async (): Promise<Child> => {
    const env = { HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
    const child = await startChild(command, program.args(file, directory), { env });
    await child.waitForLine(program.ready);
    return child;
  };
  const loginUrl = `http://127.0.0.1:${port}/mcp`;
  return {
    ...(await upstream(loginUrl, launch, resources)),
    port,
    loginUrl,
    secretUrl: `http://localhost:${port}/${edge.secret?.path ?? ""}/mcp`,
  };
}
