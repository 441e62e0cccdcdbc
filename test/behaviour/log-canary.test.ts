// No secret in any log line: every place that holds one gets a canary, every recovery and error path is walked, in every format.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { startChaos } from "../../src/chaos/index.ts";
import { startHoldfast } from "../support/holdfast.ts";
import { type ChaosState, errorCode, RawClient, toolText } from "./recovery-scene.ts";

const timeout = 60_000;
const token = "canary-token";
const errorBody = `canary-error-head ${"x".repeat(300)} canary-error-tail`;

/** Serves another server under a path that only its owner knows, as an edge does. */
async function underSecretPath(url: string) {
  const server = createServer((incoming, outgoing) => {
    const { method, headers } = incoming;
    const onwards = forward(
      url,
      { method, headers: { ...headers, host: new URL(url).host }, agent: false },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
        answer.once("error", () => outgoing.destroy());
        outgoing.once("close", () => answer.destroy());
      },
    );
    onwards.once("error", () => outgoing.destroy());
    incoming.pipe(onwards);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${port}/canary-path/mcp?key=canary-query`, [Symbol.asyncDispose]: close };
}

async function openCanaryScene(args: readonly string[]) {
  await using resources = new AsyncDisposableStack();
  const chaos = await startChaos();
  resources.defer(() => chaos.close());
  const edge = resources.use(await underSecretPath(chaos.url));
  const secrets = ["--header", "X-Api-Key: canary-header", "--token", token, "--recovery-window", "1"];
  const holdfast = resources.use(await startHoldfast(edge.url, { args: [...secrets, ...args] }));
  const owned = resources.move();
  const ids = new Set<string>();
  return {
    holdfast,
    ids,
    order: async (order: object) => {
      const state = (await (await fetch(chaos.controlUrl)).json()) as ChaosState;
      for (const { id } of state.sessions.list) ids.add(id);
      const answer = await fetch(chaos.controlUrl, { method: "POST", body: JSON.stringify(order) });
      assert.equal(answer.status, 200, await answer.text());
    },
    connect: async () => {
      const client = new RawClient(holdfast.url, { authorization: `Bearer ${token}`, "user-agent": "canary-agent" });
      await client.initialize({ capabilities: { experimental: { "canary-capability": {} } } });
      if (client.sessionId !== "") ids.add(client.sessionId);
      return client;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

type CanaryScene = Awaited<ReturnType<typeof openCanaryScene>>;
const call = (client: RawClient) => client.call("echo", { text: "canary-argument" });

/** Refusals whose words hold the dead id, gateways' pages, answers that are no answers; each met by a call. */
async function walkLosses(scene: CanaryScene): Promise<void> {
  for (const shape of ["404-json", "404-java", "400-envoy", "400-supergateway", "503-sse", "200-session-not-found"]) {
    const client = await scene.connect();
    await scene.order({ do: "forget", as: shape });
    await call(client);
  }
}

async function walkErrors(scene: CanaryScene): Promise<void> {
  const body = { do: "answer", body: errorBody };
  for (const status of [500, 502, 401, 404, 302]) {
    const client = await scene.connect();
    await scene.order({
      ...body,
      status,
      methods: ["tools/call"],
      times: 2,
      headers: { location: "/canary-location" },
    });
    await call(client);
  }
  for (const status of [500, 401, 404, 400]) {
    const client = await scene.connect();
    await scene.order({ do: "forget", as: "404-json" });
    await scene.order({ ...body, status, methods: ["initialize"] });
    await call(client);
  }
  await scene.order({ ...body, status: 404, methods: ["initialize"] });
  await scene.connect();
}

async function walkCuts(scene: CanaryScene): Promise<void> {
  const client = await scene.connect();
  const listener = await client.listen();
  for (const when of ["before-headers", "after-headers", "mid-stream", "clean-end"]) {
    await scene.order({ do: "cut", when, executed: true });
    await call(client);
  }
  await scene.order({ do: "notify", what: "message", data: "canary-notice" });
  await scene.order({ do: "cut-get" });
  await scene.order({ do: "refuse", ms: 300 });
  await call(client);
  listener.close();
  await fetch(client.url, { method: "DELETE", headers: client.headers });
}

async function walkClientFaults(scene: CanaryScene): Promise<void> {
  const { url } = scene.holdfast;
  const authorization = `Bearer ${token}`;
  const client = await scene.connect();
  await client.post('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"text":"canary-broken');
  await client.post('"canary-text"');
  await client.request("resources/subscribe", { uri: "chaos://clock?canary-uri" });
  await new RawClient(url, { authorization: "Bearer canary-wrong" }).call("count");
  await new RawClient(url, { authorization, "mcp-session-id": "canary-unknown" }).call("count");
  await new RawClient(url, { authorization, "mcp-session-id": "canary bad\u00e9" }).call("count");
  await new RawClient(url, { authorization, origin: "https://canary-origin.example" }).call("count");
  await new RawClient(`${new URL(url).origin}/canary-place?key=canary-key`, { authorization }).call("count");
  await fetch(`${url}?canary-client-query`, { method: "PUT", headers: client.headers });
}

const ways = [
  ["json", "transparent"],
  ["logfmt", "notify"],
  ["pretty", "strict"],
] as const;

describe("the log", { timeout }, () => {
  for (const [format, recovery] of ways) {
    it(`holds no secret in ${format}, on no path of --recovery ${recovery}`, async () => {
      await using scene = await openCanaryScene(["--log-format", format, "--recovery", recovery, "--adopt-sessions"]);
      await walkLosses(scene);
      await walkErrors(scene);
      await walkCuts(scene);
      await walkClientFaults(scene);
      // Not killed: the last lines of a killed process are lost, and with them what they might give away.
      assert.equal(await scene.holdfast.stop(), 0);
      await scene.holdfast.restart();
      await call(await scene.connect());
      assert.equal(await scene.holdfast.stop(), 0);
      const text = scene.holdfast.output();
      assert.ok(text.split("\n").length > 50, "the paths were walked");
      const leaked = text.split("\n").filter((line) => line.includes("canary"));
      assert.deepEqual(leaked, []);
      assert.ok(scene.ids.size > 10);
      for (const id of scene.ids) assert.ok(!text.includes(id), `session id ${id} is in the log`);
    });
  }
});

describe("an error of a restore", { timeout }, () => {
  it("shows the server's answer as its status and the first 300 bytes, and nothing of our own secrets", async () => {
    await using scene = await openCanaryScene([]);
    const client = await scene.connect();
    await scene.order({ do: "forget", as: "404-json" });
    await scene.order({ do: "answer", status: 500, body: errorBody, methods: ["initialize"] });
    const failed = await call(client);
    assert.equal(errorCode(failed), "SESSION_NOT_RESTORED");
    const upstream = failed.error?.data?.["upstream"];
    assert.deepEqual(upstream, { status: 500, contentType: "text/plain", body: errorBody.slice(0, 300) });
    assert.ok(!failed.text.includes("canary-error-tail"));
    const known = ["canary-error-head"];
    const canaries = [...failed.text.matchAll(/canary-[\w-]+/g)].map(([canary]) => canary);
    assert.deepEqual([...new Set(canaries)], known, failed.text);
    for (const id of scene.ids) assert.ok(!failed.text.includes(id));
  });

  it("passes, and the session lives on, once the server answers again", async () => {
    await using scene = await openCanaryScene([]);
    const client = await scene.connect();
    await scene.order({ do: "forget", as: "404-json" });
    await scene.order({ do: "answer", status: 500, body: errorBody, methods: ["initialize"] });
    await call(client);
    assert.equal(toolText(await call(client)), "canary-argument");
  });
});
