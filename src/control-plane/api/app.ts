// The REST API as one HTTP application: finds the route, lets in, checks the input, answers in JSON or with a problem. Decides nothing about connectors.
import { type Context, Hono } from "hono";
import { ProxyError } from "../../errors/index.ts";
import { assertAccess } from "./access.ts";
import type { Logins } from "./logins.ts";
import { openApiDocument } from "./openapi.ts";
import { Operations } from "./operations.ts";
import type { HubApi } from "./ports.ts";
import { InvalidInput, parse, toProblem } from "./problem.ts";
import { type Route, type RouteName, routes } from "./routes.ts";
import * as s from "./schema.ts";

const mostBodyBytes = 1024 * 1024;
const mostExchanges = 1_000;

interface Call {
  readonly context: Context;
  readonly name: string;
  readonly param: (name: string) => string;
  readonly query: (name: string) => string | undefined;
  readonly body: () => Promise<unknown>;
  readonly ifGeneration: number | undefined;
  readonly who: s.Whoami | undefined;
}

type Answer = object | Response | undefined;
type Operation = (call: Call) => Answer | Promise<Answer>;

/** What is told of each request, for the log. */
export interface ApiWatch {
  /** Something that nobody foresaw; its words go no further. */
  failed(error: unknown): void;
  known(request: object, user: string): void;
  refused(request: object, code: string): void;
}

/** The request as it came to the server, beneath what Hono makes of it. */
interface Environment {
  readonly Bindings: { readonly incoming?: object };
}

export function createApi(
  hub: HubApi,
  logins: Logins,
  watch: ApiWatch,
): { readonly fetch: Hono<Environment>["fetch"] } {
  const app = new Hono<Environment>({ strict: true });
  const operations = operationsOf(new Operations(hub, logins), hub);
  for (const [name, route] of Object.entries<Route>(routes)) {
    const path = `/api/v1${route.path.replaceAll(/\{(\w+)\}/g, ":$1")}`;
    app.on(route.method, path, async (context) => {
      const { req } = context;
      const header = (header: string) => req.header(header);
      const who = assertAccess(
        route,
        {
          method: req.method,
          host: header("host"),
          origin: header("origin"),
          fetchSite: header("sec-fetch-site"),
          authorization: header("authorization"),
          cookie: header("cookie"),
        },
        hub.tokens,
        logins,
        ({ user }) => watch.known(context.env.incoming ?? req, user),
      );
      const answer = await operations[name as RouteName]({
        context,
        name: req.param("name") ?? "",
        param: (key) => req.param(key) ?? "",
        query: (key) => req.query(key),
        body: () => readJson(context, hub.bodyIdleMs),
        ifGeneration: readIfMatch(route, header("if-match")),
        who,
      });
      return toResponse(context, route, answer);
    });
  }
  const refuse = (context: Context<Environment>, error: unknown): Response => {
    const body = toProblem(error);
    watch.refused(context.env.incoming ?? context.req, body.code);
    return problem(context, body);
  };
  app.notFound((context) => refuse(context, new ProxyError("PATH_NOT_FOUND")));
  app.onError((error, context) => {
    if (!(error instanceof InvalidInput) && ProxyError.from(error).code === "INTERNAL" && error.name !== "ConfigError")
      watch.failed(error);
    return refuse(context, error);
  });
  return app;
}

function operationsOf(all: Operations, hub: HubApi): Readonly<Record<RouteName, Operation>> {
  return {
    whoami: ({ who }) => who,
    login: async ({ context, body }) => {
      context.header("set-cookie", all.login(parse(s.loginSchema, await body()).code));
      return { user: "admin", role: "admin", by: "cookie" };
    },
    logout: ({ context }) => {
      context.header("set-cookie", all.logout(context.req.header("cookie")));
      return undefined;
    },
    loginLink: () => all.loginLink(),
    openapi: () => openApiDocument(hub.version),
    events: ({ query }) => all.events(query("connector")),
    stats: ({ query }) => all.stats(query("connector")),
    settings: () => all.settings(),
    changeSettings: async ({ body }) => all.changeSettings(parse(s.settingsChangeSchema, await body())),
    listTokens: () => all.tokens(),
    addToken: async ({ body }) => {
      const { user, label, role } = parse(s.newTokenSchema, await body());
      return all.addToken(user, label, role);
    },
    revokeToken: ({ param }) => done(all.revokeToken(param("id"))),
    listConnectors: () => ({ connectors: all.connectors() }),
    addConnector: async ({ body }) => all.add(parse(s.newConnectorSchema, await body())),
    getConnector: ({ name }) => all.connector(name),
    editConnector: async ({ name, body, ifGeneration }) =>
      all.edit(name, parse(s.connectorChangeSchema, await body()), ifGeneration),
    removeConnector: ({ name, ifGeneration }) => done(all.remove(name, ifGeneration)),
    connect: ({ name, ifGeneration }) => all.setWanted(name, "connected", ifGeneration),
    disconnect: ({ name, ifGeneration }) => all.setWanted(name, "disconnected", ifGeneration),
    signIn: async ({ name, body, context, who }) => {
      const wish = parse(s.newSignInSchema, await body());
      // A page's own origin is known to be ours by then; whoever comes with a token waits for the outcome itself.
      const origin = context.req.header("origin");
      const { begun, cookie } = await all.signIn(name, wish, who?.by === "cookie" ? origin : undefined);
      if (cookie !== undefined) context.header("set-cookie", cookie);
      return begun;
    },
    signInProgress: ({ name, param }) => all.signInProgress(name, param("id")),
    signOut: ({ name }) => all.signOut(name),
    test: ({ name }) => all.test(name),
    upgrade: ({ name }) => all.upgrade(name),
    doctor: ({ name }) => all.doctor(name),
    tools: ({ name }) => all.tools(name),
    exchanges: ({ name, query }) =>
      all.exchanges(name, readCount(query, "after", 0), Math.min(readCount(query, "limit", 200), mostExchanges)),
    bodies: ({ name, param }) => all.bodies(name, Number(param("seq"))),
    changeInspector: async ({ name, body }) =>
      all.keepBodies(name, parse(s.inspectorChangeSchema, await body()).keepBodies),
    listSessions: ({ name }) => all.sessions(name),
    breakSession: ({ name, param }) => all.breakSession(name, param("session")),
    endSession: ({ name, param }) => done(all.endSession(name, param("session"))),
    reload: () => done(hub.reload()),
  };
}

async function done(work: Promise<void>): Promise<undefined> {
  await work;
  return undefined;
}

function toResponse(context: Context, route: Route, answer: Answer): Response {
  context.header("cache-control", "no-store");
  context.header("x-content-type-options", "nosniff");
  if (answer instanceof Response) return answer;
  if (answer === undefined) return context.body(null, route.status === 204 ? 204 : 200);
  if ("generation" in answer && "wanted" in answer) context.header("etag", `"${String(answer.generation)}"`);
  return context.json(answer, route.status === 204 ? 200 : route.status);
}

function problem(context: Context, body: s.Problem): Response {
  if (body.status === 401) context.header("www-authenticate", "Bearer");
  context.header("cache-control", "no-store");
  context.header("content-type", "application/problem+json");
  return context.body(JSON.stringify(body), body.status as 400);
}

/** Only JSON, which no form of another page can send. */
async function readJson(context: Context, idleMs: number): Promise<unknown> {
  const type = context.req.header("content-type") ?? "";
  if (!/^application\/json\s*(?:;|$)/i.test(type)) throw new ProxyError("CONTENT_TYPE_NOT_JSON");
  const body = await readWhole(context.req.raw.body, idleMs);
  try {
    return JSON.parse(body.toString("utf8")) as unknown;
  } catch {
    throw new InvalidInput([{ path: "", message: "The body is not valid JSON." }]);
  }
}

async function readWhole(body: ReadableStream<Uint8Array> | null, idleMs: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const { promise: idle, reject } = Promise.withResolvers<never>();
  const note = `Nothing came for ${idleMs} ms.`;
  const timer = setTimeout(() => reject(new ProxyError("BODY_TIMEOUT", { note })), idleMs);
  try {
    const reader = body?.getReader();
    for (;;) {
      const read = await Promise.race([reader?.read(), idle]);
      if (read?.value === undefined) return Buffer.concat(chunks);
      timer.refresh();
      chunks.push(read.value);
      size += read.value.length;
      if (size > mostBodyBytes)
        throw new ProxyError("BODY_TOO_LARGE", { note: `The limit is ${mostBodyBytes} bytes.` });
    }
  } finally {
    clearTimeout(timer);
  }
}

function readIfMatch({ ifMatch }: Route, header: string | undefined): number | undefined {
  if (ifMatch === undefined) return undefined;
  const generation = /^(?:W\/)?"(\d{1,15})"$/.exec(header ?? "")?.[1];
  if (generation !== undefined) return Number(generation);
  if (header !== undefined && header !== "*") throw new ProxyError("CONNECTOR_CHANGED");
  if (ifMatch === "needed" && header === undefined) throw new ProxyError("IF_MATCH_REQUIRED");
  return undefined;
}

function readCount(query: (name: string) => string | undefined, name: string, otherwise: number): number {
  const text = query(name);
  if (text === undefined) return otherwise;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new InvalidInput([{ path: name, message: "It must be a whole number." }]);
}
