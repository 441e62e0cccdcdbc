// Which path of the hub's listener belongs to whom: a connector, the API, the page, or what watches the hub. Decides from path and credential.
import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { ownPath } from "../compose.ts";
import { createApi, type HubApi } from "../control-plane/api/index.ts";
import { openPage, type Page } from "../control-plane/page/index.ts";
import {
  type EndpointPaths,
  type ExchangeNotes,
  endpointRoutes,
  type HttpRequest,
  type Routes,
  refuse,
  refuseOnSocket,
  type Serve,
  type ServeShort,
  type ServeUpgrade,
  type ShortRequest,
  serveRefusal,
} from "../data-plane/index.ts";
import { ProxyError } from "../errors/index.ts";
import type { RunningHub } from "./hub.ts";
import type { HubConnector } from "./hub-connector.ts";
import { signInRoute } from "./sign-in-route.ts";
import { StandingExchanges } from "./standing-exchanges.ts";
import { tapExchange } from "./tap-exchange.ts";

const connectorPath = /^\/c\/([A-Za-z0-9._-]{1,64})\/\w+$/;

export class HubRoutes {
  readonly #hub: RunningHub;
  /** Made once per opened connector, not per request. */
  readonly #routes = new WeakMap<HubConnector, Routes>();
  /** Of requests to the API, whose line tells who asked and what was refused. */
  readonly #notes = new WeakMap<object, ExchangeNotes>();
  readonly #standing = new StandingExchanges();
  #built: Page | undefined;
  #api: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;

  constructor(hub: RunningHub) {
    this.#hub = hub;
  }

  /** Before the hub listens. A hub without its page is still a hub. */
  async loadPage(): Promise<void> {
    this.#built = await openPage().catch(() => undefined);
  }

  /** What a token that was revoked meanwhile had opened. */
  endRevoked(): void {
    this.#standing.endIf((authorization) => this.#hub.tokens.isRevoked(authorization));
  }

  /** Once the hub knows where it listens; in one go, since a request that came in between would never be answered. */
  open(): void {
    const hub = this.#hub;
    const api: HubApi = {
      connectors: hub.connectors,
      actual: (name) => hub.actual(name),
      all: () => hub.all(),
      inspector: (record) => hub.inspector(record),
      test: async (name) => hub.actual(name)?.opened?.test(),
      doctor: (name) => hub.doctor(name),
      reload: () => hub.reload(),
      changed: (name) => hub.news.changed(name),
      signIns: hub.signIns,
      live: hub.news.live,
      tokens: hub.tokens,
      settings: hub.settings,
      version: hub.options.version,
      bodyIdleMs: hub.options.bodyIdleTimeoutMs,
      origin: hub.url,
      access: {
        allowStdioOverApi: hub.options.allowStdioOverApi,
        assertAddress: async (url) => {
          const host = url.hostname.replace(/^\[|\]$/g, "");
          if (!(await hub.addressRules.allowsNow(host))) throw new ProxyError("ADDRESS_REFUSED");
        },
      },
    };
    const app = createApi(api, hub.logins, {
      failed: (error) => hub.shared.log.event("error", "internal error", { reason: String(error) }),
      known: (request, user) => this.#note(request, (notes) => (notes.userId = user)),
      refused: (request, code) => this.#note(request, ({ outcome }) => (outcome.errorCode = code)),
    });
    const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
    this.#api = (request, response) => void listener(request, response);
  }

  route(path: string): Serve | undefined {
    if (path.startsWith("/c/")) return this.#connector(path);
    if (path.startsWith("/api/v1/")) return this.#serveApi;
    if (path.startsWith("/oauth/")) return signInRoute(path, this.#hub.signIns.flows);
    if (path === "/readyz") return this.#ready;
    if (path === "/metrics") return this.#metrics;
    return ownPath(path, this.#hub.shared.metrics, ["/healthz"]) ?? this.#page(path);
  }

  /** Not what is refused or looked into. */
  shortRoute(path: string, request: ShortRequest, notes: ExchangeNotes): ServeShort | undefined {
    const name = connectorPath.exec(path)?.[1];
    const opened = name === undefined ? undefined : this.#hub.actual(name)?.opened;
    if (opened === undefined || opened.inspector.bodies.isOn) return undefined;
    // A stream that stands on a credential.
    if (request.method === "GET" && request.headers.authorization !== undefined) return undefined;
    const serve = this.#routesOf(opened).shortRoute(path, request);
    const user = serve === undefined ? "no" : this.#mayUse(request);
    if (user === "no") return undefined;
    notes.connector = name;
    if (user !== undefined) notes.userId = user.user;
    return serve;
  }

  upgrade(path: string): ServeUpgrade | undefined {
    const name = connectorPath.exec(path)?.[1] ?? "";
    const opened = this.#hub.actual(name)?.opened;
    const accept = opened === undefined ? undefined : this.#routesOf(opened).upgrade(path);
    if (accept === undefined) return undefined;
    return (request, socket, head, notes) => {
      notes.connector = name;
      const user = this.#mayUse(request);
      if (user === "no") {
        notes.outcome.errorCode = "TOKEN_REQUIRED";
        return refuseOnSocket(socket, "TOKEN_REQUIRED", notes.requestId);
      }
      if (user !== undefined) notes.userId = user.user;
      this.#standing.add(socket, request);
      accept(request, socket, head, notes);
    };
  }

  #connector(path: string): Serve | undefined {
    const actual = this.#hub.actual(connectorPath.exec(path)?.[1] ?? "");
    if (actual === undefined) return undefined;
    const { record, opened, problem } = actual;
    const serve = opened === undefined ? refusal(record.name, problem, this.#hub) : this.#routesOf(opened).route(path);
    if (serve === undefined) return undefined;
    return (request, response, notes) => {
      notes.connector = record.name;
      const user = this.#mayUse(request);
      if (user === "no") {
        refuse(request, response, notes, "TOKEN_REQUIRED");
        return Promise.resolve();
      }
      if (user !== undefined) notes.userId = user.user;
      if (request.method === "GET") this.#standing.add(response, request);
      const bodies = opened?.inspector.bodies;
      if (bodies?.isOn === true) tapExchange(bodies, notes.requestId, request, response);
      return serve(request, response, notes);
    };
  }

  #routesOf(opened: HubConnector): Routes {
    let routes = this.#routes.get(opened);
    if (routes === undefined) {
      routes = endpointRoutes(opened.endpoint, pathsOf(opened.endpoint.name));
      this.#routes.set(opened, routes);
    }
    return routes;
  }

  /** Who it is, undefined for nobody in particular, "no" for who may not. */
  #mayUse({ headers: { authorization } }: HttpRequest): { readonly user: string } | undefined | "no" {
    const known = this.#hub.tokens.who(authorization);
    if (known !== undefined) return known;
    const isRevoked = this.#hub.tokens.isRevoked(authorization);
    return isRevoked || this.#hub.clientsNeedToken ? "no" : undefined;
  }

  #note(request: object, write: (notes: ExchangeNotes) => void): void {
    const notes = this.#notes.get(request);
    if (notes !== undefined) write(notes);
  }

  readonly #serveApi: Serve = (request, response, notes) => {
    this.#notes.set(request, notes);
    if (request.method === "GET") this.#standing.add(response, request);
    this.#api?.(request, response);
    return Promise.resolve();
  };

  /** `?connector=NAME`: whether that one's server answers. */
  readonly #ready: Serve = (request, response, notes) => {
    const name = new URL(request.url ?? "/", "http://x").searchParams.get("connector");
    if (name !== null && this.#mayUse(request) === "no") {
      refuse(request, response, notes, "TOKEN_REQUIRED");
      return Promise.resolve();
    }
    const actual = name === null ? undefined : this.#hub.actual(name);
    if (name !== null && actual === undefined) return Promise.resolve(json(response, 404, { status: "unknown" }));
    const kind = actual === undefined ? "ready" : (actual.opened?.evidence.status(Date.now()).kind ?? "disconnected");
    return Promise.resolve(json(response, kind === "ready" || kind === "connected" ? 200 : 503, { status: kind }));
  };

  readonly #metrics: Serve = (request, response, notes) => {
    if (this.#mayUse(request) === "no") {
      refuse(request, response, notes, "TOKEN_REQUIRED");
      return Promise.resolve();
    }
    return ownPath("/metrics", this.#hub.shared.metrics, [])?.(request, response, notes) ?? Promise.resolve();
  };

  /** GET and HEAD of whatever the built page has; the rest is the API's and the connectors'. */
  #page(path: string): Serve | undefined {
    const page = this.#built;
    if (page === undefined) return path === "/" ? notBuilt : undefined;
    if (page.answer({ path, headers: {} }) === undefined) return undefined;
    return (request, response, notes) => {
      const { method, headers: asked } = request;
      const flat = { cookie: asked.cookie, "accept-encoding": one(asked["accept-encoding"]) };
      const answer = page.answer({ path, headers: { ...flat, "if-none-match": asked["if-none-match"] } });
      if (answer === undefined || (method !== "GET" && method !== "HEAD")) {
        refuse(request, response, notes, "PATH_NOT_FOUND");
        return Promise.resolve();
      }
      response.writeHead(answer.status, answer.headers).end(method === "HEAD" ? undefined : answer.body);
      return Promise.resolve();
    };
  }
}

const notBuilt: Serve = (_request, response) => {
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" });
  response.end("Holdfast runs here. Its page was not built; the REST interface is at /api/v1/openapi.json.\n");
  return Promise.resolve();
};

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}

function pathsOf(name: string): EndpointPaths {
  const base = `/c/${name}`;
  return { mcp: `${base}/mcp`, sse: `${base}/sse`, message: `${base}/message`, webSocket: `${base}/ws`, baseUrl: "" };
}

function refusal(name: string, problem: string | undefined, { shared }: RunningHub): Serve {
  const error =
    problem === undefined
      ? new ProxyError("CONNECTOR_DISCONNECTED", { connector: name })
      : new ProxyError("CONNECTOR_NOT_USABLE", { connector: name, note: problem });
  return (request: IncomingMessage, response: ServerResponse, notes: ExchangeNotes) =>
    serveRefusal(error, shared.limits, request, response, notes);
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(`${JSON.stringify(body)}\n`);
}
