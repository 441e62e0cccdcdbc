// Calls whose right answer shows that the right server ran them: the memory server's graph outlives its process.
import assert from "node:assert/strict";
import type { Connection } from "../support/tool-result.ts";

export async function remember(client: Connection, name: string): Promise<void> {
  await client.callTool("create_entities", { entities: [{ name, entityType: "test", observations: ["kept"] }] });
}

export async function assertRemembered(client: Connection, ...names: readonly string[]): Promise<void> {
  const graph = await client.callTool("read_graph", {});
  for (const name of names) assert.ok(graph.includes(name), `${name} is not in ${graph}`);
}
