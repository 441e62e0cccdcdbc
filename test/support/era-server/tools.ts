// The tools of the era server: they ask, tell, take their time, announce, and say what the server saw. The same for both eras.
import { setTimeout as delay } from "node:timers/promises";
import {
  acceptedContent,
  type CallToolResult,
  fromJsonSchema,
  inputRequired,
  inputResponse,
  McpServer,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";

/** What the process saw, over all instances; lines for the tool `seen`. */
export const seen: string[] = [];

/** Tells everybody who listens; of an endpoint's making. */
export interface Announce {
  toolsChanged(): void;
  resourceUpdated(uri: string): void;
}

const text = (said: string): CallToolResult => ({ content: [{ type: "text", text: said }] });
const name = z.object({ name: z.string() });
const form = (message: string) => inputRequired.elicit({ message, requestedSchema: name });

function answersOf(context: ServerContext) {
  return context.mcpReq.inputResponses;
}

function registerAsking(server: McpServer): void {
  server.registerTool("ask_name", { description: "Asks for a name" }, (context) => {
    const answer = inputResponse(answersOf(context), "user_name");
    if (answer.kind !== "elicit") return inputRequired({ inputRequests: { user_name: form("Who are you?") } });
    return text(
      answer.action === "accept" ? `Hello, ${String(answer.content?.["name"])}!` : `You chose ${answer.action}.`,
    );
  });
  server.registerTool("ask_all", { description: "Asks for three things at once" }, (context) => {
    const answers = answersOf(context);
    const roots = inputResponse(answers, "roots");
    const model = inputResponse(answers, "model");
    const who = acceptedContent(answers, "who", name);
    if (roots.kind !== "roots" || model.kind !== "sampling" || who === undefined) {
      const messages = [{ role: "user" as const, content: { type: "text" as const, text: "Say something" } }];
      return inputRequired({
        inputRequests: {
          who: form("Who?"),
          model: inputRequired.createMessage({ messages, maxTokens: 5 }),
          roots: inputRequired.listRoots(),
        },
      });
    }
    return text(`${who.name}, ${JSON.stringify(model.result.content)}, ${roots.roots.map(({ uri }) => uri).join()}`);
  });
  server.registerTool("ask_twice", { description: "Asks in two rounds, with a state" }, (context) => {
    const state = context.mcpReq.requestState<string>();
    const answer = acceptedContent(answersOf(context), "who", name);
    if (state === undefined || answer === undefined)
      return inputRequired({ inputRequests: { who: form("First name?") }, requestState: "first" });
    if (state === "first")
      return inputRequired({ inputRequests: { who: form("Last name?") }, requestState: `then ${answer.name}` });
    return text(`${state.slice(5)} ${answer.name}`);
  });
}

function registerTelling(server: McpServer): void {
  server.registerTool("tell", { description: "Reports progress, logs, and answers" }, async (context) => {
    const { _meta: meta } = context.mcpReq;
    const progressToken = meta?.progressToken;
    if (progressToken !== undefined)
      await context.mcpReq.notify({
        method: "notifications/progress",
        params: { progressToken, progress: 1, total: 2 },
      });
    await context.mcpReq.log("info", "half way");
    return text("Told.");
  });
  const inputSchema = z.object({ ms: z.number(), mark: z.string() });
  const annotations = { readOnlyHint: true };
  for (const [tool, hints] of [
    ["wait", {}],
    ["wait_safely", annotations],
  ] as const) {
    server.registerTool(
      tool,
      { description: "Takes its time", inputSchema, annotations: hints },
      async ({ ms, mark }, context) => {
        seen.push(`began ${mark}`);
        try {
          await delay(ms, undefined, { signal: context.mcpReq.signal });
        } catch {
          seen.push(`cancelled ${mark}`);
          return text("Cancelled.");
        }
        seen.push(`ended ${mark}`);
        return text(`Waited for ${mark}.`);
      },
    );
  }
  server.registerTool("seen", { description: "What this process saw" }, () => text(seen.join("\n")));
}

const regionSchema = {
  type: "object",
  properties: {
    region: { type: "string", "x-mcp-header": "Region" },
    size: { type: "integer", "x-mcp-header": "Size" },
  },
  required: ["region"],
} as const;

/** `era` stands in an answer, so that a test knows who gave it. */
export function buildServer(era: string, announce: Announce): McpServer {
  const capabilities = { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true }, logging: {} };
  const server = new McpServer({ name: "era-server", version: "1.0.0" }, { capabilities, instructions: "Be kind." });
  server.registerTool(
    "echo",
    { description: "Says it again", inputSchema: z.object({ text: z.string() }) },
    ({ text: said }) => text(`${era}: ${said}`),
  );
  registerAsking(server);
  registerTelling(server);
  server.registerTool(
    "region",
    {
      description: "Is told its region in a header as well",
      inputSchema: fromJsonSchema<{ region: string }>(regionSchema),
    },
    ({ region }) => text(`Region ${region}`),
  );
  server.registerTool("list", { description: "Answers with a list", outputSchema: z.array(z.number()) }, () => ({
    content: [],
    structuredContent: [1, 2, 3],
  }));
  server.registerTool("change", { description: "Announces a change of tools and of a resource" }, () => {
    announce.toolsChanged();
    announce.resourceUpdated("test://watched");
    return text("Changed.");
  });
  server.registerResource("watched", "test://watched", {}, (uri) => ({
    contents: [{ uri: uri.href, text: "watched" }],
  }));
  server.registerPrompt("greet", { description: "Greets", argsSchema: z.object({ who: z.string() }) }, ({ who }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Greet ${who}.` } }],
  }));
  return server;
}
