// The client that the suite's client scenarios run: a real legacy client, with Holdfast between it and the suite's modern server. `node bridged-client.ts URL`
import { askedClient } from "../support/asked-client.ts";
import { startHoldfast } from "../support/holdfast.ts";

interface ToolCall {
  readonly name: string;
  readonly arguments?: Record<string, unknown>;
}

const url = process.argv.at(-1) ?? "";
const context: { readonly toolCalls?: readonly ToolCall[] } = JSON.parse(
  process.env["MCP_CONFORMANCE_CONTEXT"] ?? "{}",
);

/** Something that fits each required argument. */
function argumentsFor(schema: { readonly properties?: Record<string, object> | undefined }): Record<string, unknown> {
  const entries = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const type = "type" in property ? property.type : "string";
    return [name, type === "number" || type === "integer" ? 1 : type === "boolean" ? true : "x"] as const;
  });
  return Object.fromEntries(entries);
}

await using holdfast = await startHoldfast(url);
await using session = await askedClient(holdfast.url, () => ({
  action: "accept",
  content: { confirmed: true, name: "x", ok: true },
}));
const { client } = session;
const offered = client.getServerCapabilities();
const { tools } = offered?.tools === undefined ? { tools: [] } : await client.listTools();
const calls =
  context.toolCalls ?? tools.map((tool) => ({ name: tool.name, arguments: argumentsFor(tool.inputSchema) }));
// What a server refuses is for the suite to judge.
await Promise.allSettled(calls.map((call) => client.callTool({ name: call.name, arguments: call.arguments ?? {} })));
if (offered?.resources !== undefined) {
  const { resources } = await client.listResources();
  await Promise.allSettled(resources.map(({ uri }) => client.readResource({ uri })));
}
if (offered?.prompts !== undefined) {
  const { prompts } = await client.listPrompts();
  await Promise.allSettled(prompts.map(({ name }) => client.getPrompt({ name })));
}
