// An MCP server that asks for a sign-in, as two real parts: oidc-provider as its authorization server, and the SDK's server behind a check of the token. Both in this process.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { Provider } from "oidc-provider";
import { WebSocketServer } from "ws";

type Json = Readonly<Record<string, unknown>>;

export interface SignInServerOptions {
  /** Of access tokens, in seconds. */
  readonly lifeSeconds?: number;
  /** Of the authorization server's own configuration. */
  readonly configuration?: (issuer: string) => Json;
  /** What of its metadata is other than it really is. */
  readonly metadata?: (document: Json) => Json;
  /** The same of the server's own. */
  readonly resource?: (document: Json) => Json;
  /** Path of the MCP endpoint. */
  readonly path?: string;
  /** Which transport the server speaks; `path` is then that of its event stream. */
  readonly wire?: "http-sse" | "websocket";
  /** Without metadata of its own, as servers of 2025-03-26. */
  readonly publishesNothing?: boolean;
  /** Names no metadata in its challenge. */
  readonly bareChallenge?: boolean;
}

export interface SignInServer extends AsyncDisposable {
  /** The MCP endpoint. */
  readonly url: string;
  readonly issuer: string;
  /** What the token endpoint was asked for, by grant type, and what came of it. */
  readonly tokenRequests: readonly { readonly grant: string; readonly status: number }[];
  /** Paths that the authorization server was asked for. */
  readonly asked: readonly string[];
  /** Tokens that the server has seen. */
  readonly seen: ReadonlySet<string>;
  readonly refusals: number;
  readonly initializes: number;
  /** Every access token that the server has seen is too old from now on. */
  expire(): void;
  /** Every token that was given out, refresh tokens among them. */
  readonly issued: ReadonlySet<string>;
  /** The authorization server takes back all that it has given. */
  revokeAll(): void;
  /** Every token is refused from now on, or not any more. */
  refuseAll(isSo: boolean): void;
  /** Calls of this tool lack a right. */
  readonly wants: { scope: string | undefined };
  /** The token endpoint answers after this promise, or with this status. */
  hold: { before: Promise<unknown> | undefined; status: number | undefined; isRevoked: boolean };
}

export async function startSignInServer(options: SignInServerOptions = {}): Promise<SignInServer> {
  const { path = "/mcp" } = options;
  const resourceServer = await listening();
  const authorizationServer = await listening();
  const origin = originOf(resourceServer);
  const issuer = originOf(authorizationServer);
  const url = `${origin}${path}`;
  const tokenRequests: { grant: string; status: number }[] = [];
  const asked: string[] = [];
  const issued = new Set<string>();
  const hold: SignInServer["hold"] = { before: undefined, status: undefined, isRevoked: false };
  const provider = withoutNotices(() => new Provider(issuer, configurationOf(url, issuer, options)));
  authorizationServer.on("request", front(provider, { tokenRequests, asked, hold, issued, change: options.metadata }));
  const guarded = guardOf(provider, url, options);
  resourceServer.on("request", guarded.listener);
  if (options.wire === "websocket") serveSockets(resourceServer, guarded.userOf);
  return {
    url,
    issuer,
    tokenRequests,
    asked,
    hold,
    issued,
    wants: guarded.wants,
    seen: guarded.seen,
    get refusals() {
      return guarded.counts.refusals;
    },
    get initializes() {
      return guarded.counts.initializes;
    },
    expire: () => {
      for (const token of guarded.seen) guarded.old.add(token);
    },
    revokeAll: () => {
      for (const token of guarded.seen) guarded.old.add(token);
      hold.isRevoked = true;
    },
    refuseAll: (isSo) => void (guarded.counts.refusesAll = isSo),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([resourceServer, authorizationServer].map(ended));
    },
  };
}

function configurationOf(
  resource: string,
  issuer: string,
  { lifeSeconds = 3_600, configuration }: SignInServerOptions,
): Json {
  return {
    clients: [],
    scopes: ["openid", "offline_access", "tools:read", "tools:write"],
    cookies: { keys: ["test"] },
    claims: { openid: ["sub", "email"] },
    conformIdTokenClaims: false,
    findAccount: (_: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com` }),
    }),
    clientBasedCORS: () => false,
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
    ttl: {
      AccessToken: lifeSeconds,
      AuthorizationCode: 60,
      IdToken: 3_600,
      RefreshToken: 86_400,
      Grant: 86_400,
      Session: 86_400,
      Interaction: 600,
    },
    features: {
      registration: { enabled: true },
      revocation: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: "tools:read tools:write",
          audience: resource,
          accessTokenTTL: lifeSeconds,
          accessTokenFormat: "opaque",
        }),
      },
    },
    ...configuration?.(issuer),
  };
}

interface Front {
  readonly tokenRequests: { grant: string; status: number }[];
  readonly asked: string[];
  readonly hold: SignInServer["hold"];
  readonly issued: Set<string>;
  readonly change: ((document: Json) => Json) | undefined;
}

/** Before the authorization server: notes what it is asked, and lets its metadata be changed. */
function front(provider: Provider, { change, asked, ...noting }: Front): RequestListener {
  const serve = provider.callback();
  return (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://x");
    asked.push(`${request.method} ${pathname}`);
    // MCP asks for the one, oidc-provider has only the other.
    if (pathname === "/.well-known/oauth-authorization-server") request.url = "/.well-known/openid-configuration";
    if (pathname.startsWith("/.well-known/") && change !== undefined) edit(response, change);
    if (pathname !== "/token") return void serve(request, response);
    void passToken(request, response, serve, noting);
  };
}

async function passToken(
  request: IncomingMessage,
  response: ServerResponse,
  serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  { tokenRequests, hold, issued }: Pick<Front, "tokenRequests" | "hold" | "issued">,
): Promise<void> {
  const body = await textOf(request);
  const grant = new URLSearchParams(body).get("grant_type") ?? "";
  if (hold.status !== undefined) {
    tokenRequests.push({ grant, status: hold.status });
    return void response.writeHead(hold.status).end();
  }
  if (hold.isRevoked && grant === "refresh_token") {
    tokenRequests.push({ grant, status: 400 });
    return void response.writeHead(400, { "content-type": "application/json" }).end('{"error":"invalid_grant"}');
  }
  hold.isRevoked = false;
  // As Koa's body parser would have left it.
  Object.assign(request, { body: Object.fromEntries(new URLSearchParams(body)) });
  const end = response.end.bind(response);
  const later = ((...given: Parameters<typeof end>) => {
    tokenRequests.push({ grant, status: response.statusCode });
    for (const [, token = ""] of String(given[0]).matchAll(/"(?:access|refresh)_token":"([^"]+)"/g)) issued.add(token);
    if (hold.before === undefined) return end(...given);
    void hold.before.then(() => end(...given));
    return response;
  }) as typeof end;
  response.end = later;
  await serve(request, response);
}

function edit(response: ServerResponse, change: (document: Json) => Json): void {
  const end = response.end.bind(response);
  response.end = ((body?: unknown) => {
    const changed = JSON.stringify(change(JSON.parse(String(body)) as Json));
    response.setHeader("content-length", Buffer.byteLength(changed));
    return end(changed);
  }) as typeof response.end;
}

function guardOf(provider: Provider, url: string, options: SignInServerOptions) {
  const seen = new Set<string>();
  const old = new Set<string>();
  const counts = { refusals: 0, initializes: 0, refusesAll: false };
  const wants: SignInServer["wants"] = { scope: undefined };
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const streams = new Map<string, SSEServerTransport>();
  const { origin, pathname } = new URL(url);
  const metadata = `${origin}/.well-known/oauth-protected-resource${pathname}`;
  const document = {
    resource: url,
    authorization_servers: [issuerOf(provider)],
    scopes_supported: ["openid", "tools:read"],
  };
  const refuse = (response: ServerResponse, status: number, more: string): void => {
    counts.refusals += 1;
    const named =
      options.bareChallenge === true || options.publishesNothing === true ? "" : `, resource_metadata="${metadata}"`;
    response.writeHead(status, { "www-authenticate": `Bearer error="${more}"${named}` }).end("no");
  };
  const listener: RequestListener = (request, response) => {
    void (async () => {
      const path = new URL(request.url ?? "/", origin).pathname;
      if (path.startsWith("/.well-known/oauth-protected-resource")) {
        if (options.publishesNothing === true || path !== new URL(metadata).pathname)
          return void response.writeHead(404).end();
        const body = options.resource?.(document) ?? document;
        return void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
      }
      const isMessage = options.wire === "http-sse" && path === `${pathname}/message`;
      if (path !== pathname && !isMessage) return void response.writeHead(404).end();
      const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
      if (token !== "") seen.add(token);
      const known =
        token === "" || old.has(token) || counts.refusesAll ? undefined : await provider.AccessToken.find(token);
      if (known === undefined || known.isExpired || known.aud !== url) return refuse(response, 401, "invalid_token");
      const text = await textOf(request);
      const message = text === "" ? undefined : (JSON.parse(text) as { method?: string });
      if (message?.method === "tools/call" && wants.scope !== undefined && !known.scopes.has(wants.scope))
        return refuse(response, 403, `insufficient_scope", scope="${wants.scope}`);
      const stream = streams.get(new URL(request.url ?? "/", origin).searchParams.get("sessionId") ?? "");
      if (isMessage && stream !== undefined) return stream.handlePostMessage(request, response, message);
      if (options.wire === "http-sse" && request.method !== "GET") return void response.writeHead(405).end();
      await serve(request, response, message, known.accountId);
    })();
  };
  const serve = async (request: IncomingMessage, response: ServerResponse, message: unknown, user: string) => {
    const id = request.headers["mcp-session-id"];
    const known = sessions.get(String(id));
    if (id !== undefined && known === undefined) return void response.writeHead(404).end();
    if (known !== undefined) return known.handleRequest(request, response, message);
    if (options.wire === "http-sse") return openEvents(response, user);
    counts.initializes += 1;
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse: true,
      onsessioninitialized: (session) => void sessions.set(session, transport),
    });
    await serverFor(user).connect(transport);
    await transport.handleRequest(request, response, message);
  };
  const openEvents = async (response: ServerResponse, user: string) => {
    const transport = new SSEServerTransport(`${pathname}/message`, response);
    streams.set(transport.sessionId, transport);
    await serverFor(user).connect(transport);
  };
  /** Undefined: a token that is not taken. */
  const userOf = async (token: string): Promise<string | undefined> => {
    seen.add(token);
    const known = old.has(token) ? undefined : await provider.AccessToken.find(token);
    return known?.isExpired === false ? known.accountId : undefined;
  };
  return { listener, userOf, seen, old, counts, wants };
}

function serverFor(user: string): McpServer {
  const server = new McpServer({ name: "signed-in", version: "1.0.0" });
  let calls = 0;
  server.registerTool("whoami", { description: "Says who calls." }, () => {
    calls += 1;
    return { content: [{ type: "text", text: `${user}, call ${calls}` }] };
  });
  return server;
}

/** One connection, one session, let in by the token of its handshake. */
function serveSockets(server: Server, userOf: (token: string) => Promise<string | undefined>): void {
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "mcp" });
  server.on("upgrade", (request, socket, head) => {
    void (async () => {
      const user = await userOf(/^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "");
      if (user === undefined)
        return void socket.end(
          'HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer error="invalid_token"\r\ncontent-length: 0\r\n\r\n',
        );
      sockets.handleUpgrade(request, socket, head, (accepted) => {
        const transport: Transport = {
          start: async () => {},
          send: async (message) => accepted.send(JSON.stringify(message)),
          close: async () => accepted.close(),
        };
        accepted.on("message", (data: Buffer) => transport.onmessage?.(JSON.parse(data.toString()) as JSONRPCMessage));
        void serverFor(user).connect(transport);
      });
    })();
  });
}

function issuerOf(provider: Provider): string {
  return (provider as unknown as { readonly issuer: string }).issuer;
}

/** It says at each start that its settings are for tests. */
function withoutNotices<Made>(make: () => Made): Made {
  const { info, warn } = console;
  Object.assign(console, { info: () => {}, warn: () => {} });
  try {
    return make();
  } finally {
    Object.assign(console, { info, warn });
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function listening(): Promise<Server> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function ended(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, "close");
}
