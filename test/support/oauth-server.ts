// Starts the OAuth-protected MCP server of ./oauth on a lasting port; its clients, grants and keys outlive a restart, its sessions do not.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TokenKind } from "./oauth/provider.ts";
import { lastingPort, startChild, temporaryDirectory } from "./process.ts";
import { type Upstream, upstream } from "./upstreams.ts";

/** One exchange at the server's MCP endpoint. */
export interface Noted {
  readonly http: string;
  /** JSON-RPC method of a POST. */
  readonly method: string;
  readonly status: number;
  /** Whose token it was; "" if the server refused it. */
  readonly user: string;
  readonly session: string;
  readonly host: string;
  readonly forwarded: string;
  readonly authorization?: string;
}

export interface OAuthServer extends Upstream {
  /** Makes every access token issued so far an expired one. */
  expireAccessTokens(): Promise<void>;
  /** What the server has answered since its start, in order. */
  journal(): Promise<readonly Noted[]>;
}

/**
 * A client that is connected and whose stream is open. Where its stream and its call meet an expired token at once, an SDK client refreshes it twice, and the second
 * refresh, with a token that was used, costs its user another sign-in. Seen once, and explained so by what the client reported.
 */
export async function withStream<Client>(
  server: OAuthServer,
  user: string,
  connect: () => Promise<Client>,
): Promise<Client> {
  const opened = async () =>
    (await server.journal()).filter((noted) => noted.http === "GET" && noted.status === 200 && noted.user === user)
      .length;
  const before = await opened();
  const client = await connect();
  while ((await opened()) === before);
  return client;
}

export interface OAuthServerOptions {
  /** Default: jwt. */
  readonly tokens?: TokenKind;
  /** An unknown session is refused before the token is looked at. */
  readonly sessionsFirst?: boolean;
}

/** `origin` is what clients see: the issuer of all tokens and the base of all metadata. */
export async function oauthServer(origin: string, options: OAuthServerOptions = {}): Promise<OAuthServer> {
  const { tokens = "jwt", sessionsFirst = false } = options;
  const port = await lastingPort();
  const resources = new AsyncDisposableStack();
  const { path } = resources.use(await temporaryDirectory());
  const script = fileURLToPath(new URL("./oauth/main.ts", import.meta.url));
  const state = join(path, "state.json");
  const server = await upstream(
    `http://127.0.0.1:${port}/mcp`,
    async () => {
      const args = [script, "--port", String(port), "--origin", origin, "--state", state, "--tokens", tokens];
      if (sessionsFirst) args.push("--sessions-first");
      const child = await startChild(process.execPath, args);
      await child.waitForLine(/listening on port/);
      return child;
    },
    resources,
  );
  const ask = (what: string) => fetch(`http://127.0.0.1:${port}/test/${what}`, { method: "POST" });
  return {
    ...server,
    expireAccessTokens: async () => void (await ask("expire")),
    journal: async () => (await (await ask("journal")).json()) as readonly Noted[],
  };
}
