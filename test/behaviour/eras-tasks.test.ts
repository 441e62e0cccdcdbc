// Tools of a legacy server that run only as tasks, called by a modern client, which knows nothing of them: it gets the plain result, and may be asked on the way.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { ask, type ModernAsk, modernBody, modernHeaders } from "../support/modern-client.ts";
import { jsonHeaders } from "../support/raw-client.ts";
import { everything } from "../support/upstreams.ts";
import { eventually } from "./recovery-scene.ts";
import { sendJson, startUpstream } from "./recovery-upstream.ts";

const research: ModernAsk = {
  params: { name: "simulate-research-query", arguments: { topic: "python", ambiguous: true } },
  capabilities: { elicitation: { form: {} } },
};

describe("a tool that runs only as a task", { timeout: 60_000 }, () => {
  it("is called as one on server-everything, asks its question as any other, and gives a plain result", async () => {
    await using server = await everything();
    await using holdfast = await startHoldfast(server.url);
    const first = await ask(holdfast.url, "tools/call", research);
    assert.equal(first.message.result?.resultType, "input_required", first.text);
    const { inputRequests, requestState } = first.message.result;
    const [key = "", question] = Object.entries(inputRequests)[0] ?? [];
    assert.match(JSON.stringify(question), /elicitation\/create.*could have multiple interpretations/);
    const inputResponses = { [key]: { action: "accept", content: { interpretation: "snake" } } };
    const second = await ask(holdfast.url, "tools/call", {
      ...research,
      id: 2,
      params: { ...research.params, requestState, inputResponses },
    });
    const { result } = second.message;
    assert.match(result?.content[0].text, /Research Report: python \(snake\)/, second.text);
    assert.equal(result.resultType, "complete");
    assert.ok(!second.text.includes("related-task"));
  });

  it("has its task cancelled when its client leaves", async () => {
    const tools = [{ name: "long", inputSchema: { type: "object" }, execution: { taskSupport: "required" } }];
    const task = { taskId: "k", status: "working", createdAt: "2026-01-01T00:00:00Z", ttl: null };
    await using upstream = await startUpstream(({ message, body }, response) => {
      const { method, id } = message;
      const answer = (result: object) => {
        sendJson(response, 200, { jsonrpc: "2.0", id, result }, { "mcp-session-id": "one" });
        return true;
      };
      if (method === "initialize") {
        const capabilities = { tools: {}, tasks: { requests: { tools: { call: {} } } } };
        return answer({ protocolVersion: "2025-11-25", capabilities, serverInfo: { name: "tasks", version: "1" } });
      }
      if (method === "tools/list") return answer({ tools });
      if (method === "tools/call")
        return answer(body.includes('"task":{}') ? { task } : { content: [], isError: true });
      if (method === "tasks/cancel") return answer({ ...task, status: "cancelled" });
      // Its result does not come.
      return method === "tasks/result";
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = new AbortController();
    const options = { params: { name: "long", arguments: {} } };
    const call = fetch(holdfast.url, {
      method: "POST",
      headers: { ...jsonHeaders, ...modernHeaders("tools/call", options) },
      body: modernBody("tools/call", options),
      signal: client.signal,
    });
    const left = assert.rejects(call);
    await eventually(() => upstream.names().includes("tasks/result") || undefined, "the result asked for");
    client.abort();
    await left;
    await eventually(() => upstream.names().includes("tasks/cancel") || undefined, "its end");
    assert.match(upstream.seen.find(({ message }) => message["method"] === "tasks/cancel")?.body ?? "", /"taskId":"k"/);
  });
});
