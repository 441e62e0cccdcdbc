// Real reverse proxies with configurations fit for streams, as stand in front of servers. They keep no MCP state.
import { writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { findPart, type Part } from "./parts.ts";
import { type Child, lastingPort, startChild, temporaryDirectory } from "./process.ts";
import { type Upstream, upstream } from "./upstreams.ts";

export interface EdgeOptions {
  /** Without slashes; the server behind never sees it. */
  readonly secretPath?: string;
  /** false: GET is answered with 405, as by edges that allow no long-lived streams. */
  readonly standaloneStream?: boolean;
}

interface EdgePlace {
  readonly port: number;
  readonly prefix: string;
  readonly origin: string;
  readonly directory: string;
  readonly standaloneStream: boolean;
}

interface EdgeProgram {
  readonly part: Part;
  readonly configuration: (edge: EdgePlace) => string;
  readonly args: (configurationFile: string, directory: string) => readonly string[];
  readonly ready: RegExp;
}

const nginxProgram: EdgeProgram = {
  part: "nginx",
  configuration: ({ port, prefix, origin, directory, standaloneStream }) => `
daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? `user ${userInfo().username};` : ""}
pid ${directory}/nginx.pid;
error_log stderr notice;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  server {
    listen 127.0.0.1:${port};
    location ${prefix}/ {
      ${standaloneStream ? "" : "if ($request_method = GET) { return 405; }"}
      proxy_pass ${origin}/;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 1h;
    }
  }
}
`,
  args: (file, directory) => ["-p", directory, "-e", "stderr", "-c", file],
  ready: /start worker process \d+/,
};

const caddyProgram: EdgeProgram = {
  part: "caddy",
  configuration: ({ port, prefix, origin, standaloneStream }) => `
{
  admin off
  auto_https off
  grace_period 200ms
}
http://:${port} {
  bind 127.0.0.1
  handle_path ${prefix}/* {
    ${standaloneStream ? "" : "@get method GET\n    respond @get 405"}
    reverse_proxy ${origin} {
      flush_interval -1
    }
  }
}
`,
  args: (file) => ["run", "--adapter", "caddyfile", "--config", file],
  ready: /serving initial configuration/,
};

async function edge(program: EdgeProgram, upstreamUrl: string, options: EdgeOptions): Promise<Upstream> {
  const { secretPath, standaloneStream = true } = options;
  const command = findPart(program.part);
  if (command === undefined) throw new Error(`${program.part} is not installed`);
  const port = await lastingPort();
  const { origin, pathname } = new URL(upstreamUrl);
  const prefix = secretPath === undefined ? "" : `/${secretPath}`;
  const resources = new AsyncDisposableStack();
  const { path: directory } = resources.use(await temporaryDirectory());
  const file = join(directory, `${program.part}.conf`);
  await writeFile(file, program.configuration({ port, prefix, origin, directory, standaloneStream }));
  const launch = async (): Promise<Child> => {
    const env = { HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
    const child = await startChild(command, program.args(file, directory), { env });
    await child.waitForLine(program.ready);
    return child;
  };
  return upstream(`http://127.0.0.1:${port}${prefix}${pathname}`, launch, resources);
}

export const nginx = (upstreamUrl: string, options: EdgeOptions = {}) => edge(nginxProgram, upstreamUrl, options);

export const caddy = (upstreamUrl: string, options: EdgeOptions = {}) => edge(caddyProgram, upstreamUrl, options);

/**
 * Resolves when an edge that was restarted, or whose server was replaced, answers steadily: it no longer sends into connections of a server that is gone. A
 * tool call that meets one is cut, which is nobody's to repair: it may have run.
 */
export async function caughtUp(edgeUrl: string): Promise<void> {
  for (let good = 0; good < 5; ) {
    const answer = await fetch(edgeUrl, { method: "OPTIONS" }).catch(() => undefined);
    await answer?.body?.cancel();
    good = answer === undefined || answer.status === 502 ? 0 : good + 1;
    await wait(20);
  }
}
