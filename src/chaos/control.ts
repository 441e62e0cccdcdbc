// The control plane: takes orders over HTTP and by word, and shows the state. What an order does stands in verbs.
import type { IncomingMessage, ServerResponse } from "node:http";
import { isObject, type JsonObject } from "./json-rpc.ts";
import { BadOrder, readOrder } from "./order.ts";
import { readBody, writeReply } from "./reply.ts";
import { type Done, verbs } from "./verbs.ts";
import { type Session, statusOf, type World } from "./world.ts";

/** Carries out one order; throws a BadOrder, and does nothing, where it is not understood. */
export function obey(world: World, refuse: (ms: number) => void, members: JsonObject): Done {
  const { do: name, ...rest } = members;
  const verb = typeof name === "string" && Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb === undefined) throw new BadOrder(`no order "${String(name)}"`);
  const stray = Object.keys(rest).find((member) => !verb.takes.includes(member));
  if (stray !== undefined)
    throw new BadOrder(`"${String(name)}" does not take "${stray}"; it takes: ${verb.takes.join(", ") || "nothing"}`);
  return verb.run(world, readOrder(rest), refuse);
}

export async function handleControl(
  world: World,
  refuse: (ms: number) => void,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === "GET") return writeJson(response, 200, stateOf(world));
  if (request.method !== "POST") return writeJson(response, 405, { error: "GET shows the state, POST takes an order" });
  const body = (await readBody(request)) ?? "";
  try {
    const { done, afterwards } = obey(world, refuse, readMembers(body));
    if (afterwards !== undefined) response.once("finish", () => setImmediate(afterwards));
    writeJson(response, 200, { done });
  } catch (error) {
    if (!(error instanceof BadOrder)) throw error;
    writeJson(response, 400, { error: error.message, known: Object.keys(verbs) });
  }
}

function readMembers(body: string): JsonObject {
  try {
    const members: unknown = JSON.parse(body);
    if (isObject(members)) return members;
  } catch {
    // Said below, as for any other body that is not an order.
  }
  throw new BadOrder('an order is a JSON object such as {"do": "forget", "as": "404-json"}');
}

function writeJson(response: ServerResponse, status: number, value: JsonObject): void {
  // The connection is not kept, so that an order that closes the port leaves no stale one with whoever gave it.
  const headers = { connection: "close" };
  writeReply(response, {
    status,
    contentType: "application/json",
    body: `${JSON.stringify(value, null, 2)}\n`,
    headers,
  });
}

function sessionState(session: Session): JsonObject {
  return {
    id: session.id,
    protocolVersion: session.protocolVersion,
    initialized: session.initialized,
    logLevel: session.logLevel ?? null,
    subscriptions: [...session.subscriptions],
    getOpen: session.standalone?.attached === true,
  };
}

function stateOf(world: World): JsonObject {
  const { settings } = world;
  return {
    server: { ...settings, tools: [...settings.tools.keys()], forgetAlways: settings.forgetAlways?.shape ?? null },
    sessions: {
      count: world.sessions.size,
      forgotten: world.dead.size,
      list: [...world.sessions.values()].map(sessionState),
    },
    counter: world.counter,
    executions: Object.fromEntries([...world.executions].map(([tool, keys]) => [tool, Object.fromEntries(keys)])),
    received: {
      http: world.httpRequests,
      initialize: world.methods.get("initialize") ?? 0,
      methods: Object.fromEntries(world.methods),
    },
    faults: world.faults,
    requests: world.exchanges.map((exchange) => {
      const { http, method, id, session, lastEventId } = exchange;
      return { http, method, id, session, lastEventId, status: statusOf(exchange) };
    }),
  };
}
