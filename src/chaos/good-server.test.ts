// The good side of the faulty server, seen by a real client. Breaks nothing.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Client, type ClientOptions, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { type Chaos, type ChaosOptions, startChaos } from "./index.ts";

const timeout = 20_000;

interface State {
  readonly sessions: { readonly list: readonly { readonly getOpen: boolean }[] };
  readonly executions: unknown;
  readonly requests: readonly { readonly lastEventId: string | null }[];
}

async function textOf(answer: ReturnType<Client["callTool"]>): Promise<string> {
  return (await answer).content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

async function readState(controlUrl: string): Promise<State> {
  const state: State = JSON.parse(await (await fetch(controlUrl)).text());
  return state;
}

for (const [kind, options] of Object.entries<ChaosOptions>({
  "with event streams": {},
  "with JSON answers": { json: true },
  "with resumable streams": { resumable: true },
})) {
  describe(`a good server ${kind}`, { timeout }, () => {
    let chaos: Chaos;
    let opened: Client[];

    beforeEach(async () => {
      chaos = await startChaos(options);
      opened = [];
    });

    afterEach(async () => {
      await Promise.all(opened.map((client) => client.close()));
      await chaos.close();
    });

    async function connect(clientOptions: ClientOptions = {}): Promise<Client> {
      const client = new Client({ name: "test", version: "1.0.0" }, clientOptions);
      opened.push(client);
      await client.connect(new StreamableHTTPClientTransport(new URL(chaos.url)));
      return client;
    }

    /** Resolves when the client's GET stream is open, without which the server has nowhere to speak. */
    async function getStreamOpen(): Promise<void> {
      for (;;) {
        const { sessions } = await readState(chaos.controlUrl);
        if (sessions.list.some(({ getOpen }) => getOpen)) return;
      }
    }

    it("lists tools, resources and prompts", async () => {
      const client = await connect();
      const names = (await client.listTools()).tools.map(({ name }) => name);
      assert.deepEqual(names.slice(0, 4), ["echo", "count", "slow", "progress"]);
      assert.equal((await client.listResources()).resources.length, 2);
      assert.equal((await client.listPrompts()).prompts[0]?.name, "greeting");
      assert.match(
        JSON.stringify(await client.getPrompt({ name: "greeting", arguments: { name: "Ada" } })),
        /greet Ada/,
      );
    });

    it("marks as read-only what is", async () => {
      const { tools } = await (await connect()).listTools();
      assert.equal(tools.find(({ name }) => name === "echo")?.annotations?.readOnlyHint, true);
      assert.equal(tools.find(({ name }) => name === "count")?.annotations, undefined);
    });

    it("answers calls and refuses unknown tools", async () => {
      const client = await connect();
      assert.equal(await textOf(client.callTool({ name: "echo", arguments: { text: "hé" } })), "hé");
      assert.equal(await textOf(client.callTool({ name: "count", arguments: {} })), "1");
      assert.equal(await textOf(client.callTool({ name: "count", arguments: {} })), "2");
      await assert.rejects(client.callTool({ name: "nothing", arguments: {} }), /Unknown tool/);
    });

    it("writes a text of exactly the size that was asked for", async () => {
      const client = await connect();
      const bytes = 3_000_001;
      assert.equal((await textOf(client.callTool({ name: "big", arguments: { bytes } }))).length, bytes);
    });

    it("tells subscribers, and only them, that a resource changed", async () => {
      const client = await connect();
      const updated: string[] = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
        updated.push(params.uri);
        resolve();
      });
      await getStreamOpen();
      await client.callTool({ name: "count", arguments: {} });
      await client.subscribeResource({ uri: "chaos://counter" });
      await client.callTool({ name: "count", arguments: {} });
      await promise;
      assert.match(JSON.stringify(await client.readResource({ uri: "chaos://counter" })), /"text":"2"/);
      assert.deepEqual(updated, ["chaos://counter"]);
    });

    it("tells everyone that the tool list changed", async () => {
      const client = await connect();
      const { promise, resolve } = Promise.withResolvers<void>();
      client.setNotificationHandler("notifications/tools/list_changed", () => resolve());
      await getStreamOpen();
      await client.callTool({ name: "add_tool", arguments: { name: "later" } });
      await promise;
      assert.equal(await textOf(client.callTool({ name: "later", arguments: {} })), "I am later");
    });

    it("asks the user through the client inside a call", async () => {
      const client = await connect({ capabilities: { elicitation: {} } });
      client.setRequestHandler("elicitation/create", ({ params }) => ({
        action: "accept",
        content: { answer: `you said: ${params.message}` },
      }));
      await getStreamOpen();
      const answer = await textOf(client.callTool({ name: "ask", arguments: { message: "well?" } }));
      assert.match(answer, /you said: well\?/);
    });

    it("says so when the client has no model to ask", async () => {
      const client = await connect();
      assert.match(await textOf(client.callTool({ name: "sample", arguments: {} })), /does not offer sampling/);
    });

    it("sends log messages from the level on that was set", async () => {
      const client = await connect();
      const levels: string[] = [];
      const { promise, resolve } = Promise.withResolvers<void>();
      client.setNotificationHandler("notifications/message", ({ params }) => {
        levels.push(params.level);
        if (params.level === "emergency") resolve();
      });
      await getStreamOpen();
      await client.setLoggingLevel("critical");
      await client.callTool({ name: "log", arguments: {} });
      await promise;
      assert.deepEqual(levels, ["critical", "alert", "emergency"]);
    });

    it("completes names", async () => {
      const client = await connect();
      const ref = { type: "ref/prompt", name: "greeting" } as const;
      const { completion } = await client.complete({ ref, argument: { name: "name", value: "a" } });
      assert.deepEqual(completion.values, ["Ada", "Alan"]);
    });

    it("ends a call that the client cancelled", async () => {
      const client = await connect();
      const controller = new AbortController();
      const call = client.callTool({ name: "slow", arguments: { ms: 60_000 } }, { signal: controller.signal });
      controller.abort(new Error("enough"));
      await assert.rejects(call, /enough/);
      assert.equal(await textOf(client.callTool({ name: "echo", arguments: { text: "alive" } })), "alive");
    });

    if (options.json !== true) {
      it("sends progress to who asked for it", async () => {
        const client = await connect();
        const seen: number[] = [];
        const onprogress = ({ progress }: { readonly progress: number }) => void seen.push(progress);
        const call = { name: "progress", arguments: { steps: 3, everyMs: 1 } };
        assert.equal(await textOf(client.callTool(call, { onprogress })), "3 steps done");
        assert.deepEqual(seen, [1, 2, 3]);
      });
    }

    if (options.resumable === true) {
      it("gives the answer on the resumed stream when it closed the first one", async () => {
        const client = await connect();
        const body = JSON.stringify({ do: "close-stream", retryMs: 10 });
        await fetch(chaos.controlUrl, { method: "POST", body });
        assert.equal(await textOf(client.callTool({ name: "count", arguments: { key: "resumed" } })), "1");
        const state = await readState(chaos.controlUrl);
        assert.deepEqual(state.executions, { count: { resumed: 1 } });
        assert.equal(state.requests.filter(({ lastEventId }) => lastEventId !== null).length, 1);
      });

      it("keeps the answer of a cut call for the resumed stream", async () => {
        const client = await connect();
        const body = JSON.stringify({ do: "cut", when: "mid-stream", executed: true });
        await fetch(chaos.controlUrl, { method: "POST", body });
        assert.equal(await textOf(client.callTool({ name: "count", arguments: {} })), "1");
      });
    }
  });
}
