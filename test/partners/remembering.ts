// How tests tell that nothing was lost: the memory server's graph outlives its process, and no client starts over.
import assert from "node:assert/strict";
import type { Holdfast } from "../support/holdfast.ts";
import type { Connection } from "../support/tool-result.ts";

export async function remember(client: Connection, name: string): Promise<void> {
  await client.callTool("create_entities", { entities: [{ name, entityType: "test", observations: ["kept"] }] });
}

export async function assertRemembered(client: Connection, ...names: readonly string[]): Promise<void> {
  const graph = await client.callTool("read_graph", {});
  for (const name of names) assert.ok(graph.includes(name), `${name} is not in ${graph}`);
}

/** Ends both, so that the log is complete, and reads from it that the client called tools but never initialized again. */
export async function assertNeverStartedOver(client: Connection, holdfast: Holdfast, since: Date): Promise<void> {
  await client.close();
  await holdfast.stop();
  assert.notDeepEqual(holdfast.requests("tools/call", since), [], "the log names no call");
  assert.deepEqual(holdfast.requests("initialize", since), [], "the client had to initialize again");
}
