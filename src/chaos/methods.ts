// What the server answers to each JSON-RPC method of a session it knows. Sees no HTTP and no faults.
import type { Call } from "./call.ts";
import {
  errorOf,
  internalError,
  invalidParams,
  isObject,
  type JsonObject,
  methodNotFound,
  type Outgoing,
  RpcError,
  resultOf,
} from "./json-rpc.ts";
import { logLevels } from "./log-levels.ts";
import type { Tool } from "./tools.ts";
import { noteExecution, type World } from "./world.ts";

type Method = (params: JsonObject, call: Call) => JsonObject;

const resources = [
  { uri: "chaos://counter", name: "counter", description: "The counter of the count tool", mimeType: "text/plain" },
  { uri: "chaos://clock", name: "clock", description: "The server's time", mimeType: "text/plain" },
] as const;

const names = ["Ada", "Alan", "Barbara", "Edsger", "Grace"] as const;

function listTool([name, tool]: [string, Tool]): JsonObject {
  const properties = Object.fromEntries(Object.entries(tool.properties).map(([key, type]) => [key, { type }]));
  const inputSchema = { type: "object", properties, ...(tool.required && { required: tool.required }) };
  return {
    name,
    description: tool.description,
    inputSchema,
    ...(tool.annotations && { annotations: tool.annotations }),
  };
}

function resourceUri(params: JsonObject): string {
  const found = resources.find(({ uri }) => uri === params["uri"]);
  if (found === undefined) throw new RpcError(-32002, `Resource not found: ${String(params["uri"])}`);
  return found.uri;
}

function complete(params: JsonObject): JsonObject {
  const { argument } = params;
  const start = isObject(argument) && typeof argument["value"] === "string" ? argument["value"].toLowerCase() : "";
  const values = names.filter((name) => name.toLowerCase().startsWith(start));
  return { completion: { values, total: values.length, hasMore: false } };
}

function greeting(params: JsonObject): JsonObject {
  if (params["name"] !== "greeting") throw new RpcError(invalidParams, `Unknown prompt: ${String(params["name"])}`);
  const args = params["arguments"];
  const who = isObject(args) && typeof args["name"] === "string" ? args["name"] : "you";
  return { messages: [{ role: "user", content: { type: "text", text: `Please greet ${who}.` } }] };
}

const methods: Readonly<Record<string, Method>> = {
  initialize: (_params, { world, session }) => ({
    protocolVersion: session.protocolVersion,
    capabilities: world.settings.capabilities,
    serverInfo: { name: "holdfast-chaos", version: world.settings.version },
    instructions: "A server that breaks on purpose: see /chaos.",
  }),
  ping: () => ({}),
  "tools/list": (_params, { world }) => ({ tools: [...world.settings.tools].map(listTool) }),
  "resources/list": () => ({ resources }),
  "resources/templates/list": () => ({ resourceTemplates: [] }),
  "resources/read": (params, { world }) => {
    const uri = resourceUri(params);
    const text = uri === "chaos://counter" ? String(world.counter) : new Date().toISOString();
    return { contents: [{ uri, mimeType: "text/plain", text }] };
  },
  "resources/subscribe": (params, { session }) => {
    session.subscriptions.add(resourceUri(params));
    return {};
  },
  "resources/unsubscribe": (params, { session }) => {
    session.subscriptions.delete(resourceUri(params));
    return {};
  },
  "prompts/list": () => ({
    prompts: [
      { name: "greeting", description: "Greets somebody", arguments: [{ name: "name", description: "Whom to greet" }] },
    ],
  }),
  "prompts/get": greeting,
  "completion/complete": complete,
  "logging/setLevel": (params, { session }) => {
    const level = logLevels.find((known) => known === params["level"]);
    if (level === undefined) throw new RpcError(invalidParams, `Unknown log level: ${String(params["level"])}`);
    session.logLevel = level;
    return {};
  },
};

const neededCapability: Readonly<Record<string, string>> = {
  tools: "tools",
  resources: "resources",
  prompts: "prompts",
  logging: "logging",
  completion: "completions",
};

function isOffered(world: World, method: string): boolean {
  const capability = neededCapability[method.slice(0, method.indexOf("/"))];
  return capability === undefined || Object.hasOwn(world.settings.capabilities, capability);
}

async function callTool(params: JsonObject, call: Call): Promise<Outgoing> {
  const { name, arguments: given } = params;
  const tool = typeof name === "string" ? call.world.settings.tools.get(name) : undefined;
  if (tool === undefined || typeof name !== "string")
    throw new RpcError(invalidParams, `Unknown tool: ${String(name)}`);
  const args = isObject(given) ? given : {};
  noteExecution(call.world, name, typeof args["key"] === "string" ? args["key"] : "");
  const result = await tool.run(args, call);
  if ("bigTextBytes" in result) return { id: call.request.id, ...result };
  const content = [{ type: "text", text: result.text }];
  return resultOf(call.request.id, result.isError === true ? { content, isError: true } : { content });
}

/** The answer to a request; undefined where the client cancelled it and so gets none. */
export async function runRequest(call: Call): Promise<Outgoing | undefined> {
  const { world, session, request, signal } = call;
  const { id, method, params } = request;
  try {
    const open = session.initialized || method === "initialize" || method === "ping";
    if (world.settings.requireInitialized && !open) throw new RpcError(invalidParams, "Invalid request parameters");
    if (method === "tools/call" && isOffered(world, method)) return await callTool(params, call);
    const answer = Object.hasOwn(methods, method) && isOffered(world, method) ? methods[method] : undefined;
    if (answer === undefined) throw new RpcError(methodNotFound, `Method not found: ${method}`);
    return resultOf(id, answer(params, call));
  } catch (error) {
    if (signal.aborted) return undefined;
    if (error instanceof RpcError) return errorOf(id, error.code, error.message);
    return errorOf(id, internalError, error instanceof Error ? error.message : String(error));
  }
}
