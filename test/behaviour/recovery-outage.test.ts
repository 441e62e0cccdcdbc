// A server that is away: what provably did not run waits for it, what may have run is never run twice, and the end of the window is told plainly.
import assert from "node:assert/strict";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startHoldfast } from "../support/holdfast.ts";
import { lastingPort } from "../support/process.ts";
import { connect, errorCode, openScene, RawClient, toolText, upstreamAnswer } from "./recovery-scene.ts";
import { sendJson, startUpstream } from "./recovery-upstream.ts";

const nginxPage = "<html><body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>";
const away = (status: number) => ({ do: "answer", status, contentType: "text/html", body: nginxPage });
const always = { times: 1_000_000 };

describe("a server that refuses connections for 1.5 s", () => {
  for (const keepSessions of [false, true]) {
    it(`goes unnoticed by calls of every kind (sessions ${keepSessions ? "kept" : "lost"})`, async () => {
      await using scene = await openScene();
      const client = await connect(scene.holdfast.url);
      await client.call("echo", { text: "in use" });
      await scene.order({ do: "refuse", ms: 1_500, keepSessions });
      const answers = await Promise.all([
        client.call("count", { key: "a" }),
        client.call("count", { key: "b" }),
        client.request("tools/list"),
        client.request("resources/read", { uri: "chaos://clock" }),
        client.notify("notifications/roots/list_changed"),
      ]);
      for (const { status, error, text } of answers) assert.ok(status < 300 && error === undefined, text);
      const { executions, received } = await scene.state();
      assert.deepEqual(executions["count"], { a: 1, b: 1 });
      assert.equal(received.initialize, keepSessions ? 1 : 2);
      assert.ok(answers.every(({ elapsedMs }) => elapsedMs < 4_000));
    });
  }

  it("goes unnoticed by a client that only now connects", async () => {
    await using scene = await openScene();
    await scene.order({ do: "refuse", ms: 1_500 });
    const client = await connect(scene.holdfast.url);
    assert.equal(toolText(await client.call("count", { key: "a" })), "1");
  });
});

describe("whether a server is back", () => {
  /** A server of which one says 502 as long as it is away, and whoever stands in front of it does that to every OPTIONS. */
  async function behind(options: (response: ServerResponse, headers: IncomingHttpHeaders) => boolean | undefined) {
    const place = { isAway: false };
    const upstream = await startUpstream(({ http, headers }, response) => {
      if (place.isAway) return sendJson(response, 502, {});
      return http === "OPTIONS" ? options(response, headers) : undefined;
    });
    return { upstream, place };
  }

  async function outage(client: RawClient, place: { isAway: boolean }): Promise<void> {
    place.isAway = true;
    const waiting = client.request("tools/list");
    await Promise.race([waiting, wait(400)]);
    place.isAway = false;
    assert.deepEqual((await waiting).result, {});
    const next = await client.request("tools/list");
    assert.deepEqual(next.result, {}, next.text);
  }

  it("is found out also where OPTIONS are dropped", async () => {
    const { upstream, place } = await behind((response) => {
      response.destroy();
      return true;
    });
    await using _ = upstream;
    await using holdfast = await startHoldfast(upstream.url);
    await outage(await connect(holdfast.url), place);
  });

  it("is found out also where a gateway finds the server by a header of the connector's", async () => {
    const { upstream, place } = await behind((response, headers) =>
      headers["x-tenant"] === "a" ? undefined : sendJson(response, 503, {}),
    );
    await using _ = upstream;
    await using holdfast = await startHoldfast(upstream.url, { args: ["--header", "X-Tenant: a"] });
    await outage(await connect(holdfast.url), place);
  });

  it("is found out by the next request where none may wait", async () => {
    const port = await lastingPort();
    const before = await startUpstream(undefined, port);
    await using holdfast = await startHoldfast(before.url, { args: ["--recovery-window", "0"] });
    const client = await connect(holdfast.url);
    await before[Symbol.asyncDispose]();
    assert.equal(errorCode(await client.request("tools/list")), "UPSTREAM_REFUSED_CONNECTION");
    await using _ = await startUpstream(undefined, port);
    const next = await client.request("tools/list");
    assert.deepEqual(next.result, {}, next.text);
  });
});

describe("calls that wait for a server that is away", () => {
  it("end as soon as the client ends their session", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "refuse", ms: 10_000 });
    const waiting = [client.call("count", { key: "a" }), client.call("count", { key: "b" })];
    // Taken by Holdfast before the next request of the same client's is.
    await Promise.all(waiting.map((call) => Promise.race([call, wait(200)])));
    const deletedMs = performance.now();
    await fetch(client.url, { method: "DELETE", headers: client.headers });
    for (const answer of await Promise.all(waiting)) assert.equal(errorCode(answer), "SESSION_CLOSED", answer.text);
    assert.ok(performance.now() - deletedMs < 6_000);
  });
});

for (const status of [502, 503, 504, 520]) {
  describe(`a gateway that answers ${status} for its server`, () => {
    it("is waited out for what may run twice", async () => {
      await using scene = await openScene();
      const client = await connect(scene.holdfast.url);
      for (const [method, params] of [
        ["tools/list", {}],
        ["resources/read", { uri: "chaos://clock" }],
        ["prompts/get", { name: "greeting" }],
        ["ping", undefined],
      ] as const) {
        await scene.order({ ...away(status), methods: [method] });
        const got = await client.request(method, params);
        assert.notEqual(got.result, undefined, `${method}: ${got.text}`);
      }
    });

    for (const executed of [true, false]) {
      it(`makes a tool call OUTCOME_UNKNOWN, ${executed ? "which it had passed on" : "which never arrived"}`, async () => {
        await using scene = await openScene();
        const client = await connect(scene.holdfast.url);
        await client.call("echo", { text: "in use" });
        await scene.order({ ...away(status), methods: ["tools/call"], executed });
        const got = await client.call("count", { key: "a" }, 700);
        assert.equal(got.status, 200);
        assert.equal(errorCode(got), "OUTCOME_UNKNOWN", got.text);
        assert.equal(upstreamAnswer(got)["status"], status);
        assert.ok(got.elapsedMs < 1_000, `${got.elapsedMs} ms`);
        const { executions, requests } = await scene.state();
        assert.equal(executions["count"]?.["a"] ?? 0, executed ? 1 : 0);
        assert.equal(requests.filter(({ id }) => id === 700).length, 1);
        assert.equal(toolText(await client.call("echo", { text: "later" })), "later");
      });
    }
  });
}

describe("calls while a gateway says that its server is away", () => {
  /** A server behind a gateway, as one port: away, it answers everything with 502. */
  const startGateway = async () => {
    const state = { away: false, calls: 0 };
    const upstream = await startUpstream(({ http, message: { id, method } }, response) => {
      if (state.away) {
        response.writeHead(502, { "content-type": "text/html" }).end(nginxPage);
        return true;
      }
      if (http === "OPTIONS") {
        response.writeHead(405).end();
        return true;
      }
      if (method !== "tools/call") return undefined;
      state.calls += 1;
      return sendJson(response, 200, { jsonrpc: "2.0", id, result: { content: [{ type: "text", text: "ran" }] } });
    });
    return { upstream, state };
  };
  const calls = (names: readonly string[]) => names.filter((name) => name === "tools/call").length;

  it("wait until it is back instead of being burnt, after the first has found out", async () => {
    const { upstream, state } = await startGateway();
    await using _ = upstream;
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    await client.request("ping");
    state.away = true;
    assert.equal(errorCode(await client.call("any")), "OUTCOME_UNKNOWN");
    const waiting = [1, 2, 3, 4, 5].map(() => client.call("any"));
    setTimeout(() => {
      state.away = false;
    }, 800);
    for (const answer of await Promise.all(waiting)) assert.equal(toolText(answer), "ran");
    assert.equal(calls(upstream.names()), 6);
    assert.equal(state.calls, 5);
  });

  it("end with what was tried, how long, and what the server last answered, when the window is over", async () => {
    const { upstream, state } = await startGateway();
    await using _ = upstream;
    await using holdfast = await startHoldfast(upstream.url, { args: ["--recovery-window", "1"] });
    const client = await connect(holdfast.url);
    await client.request("ping");
    state.away = true;
    assert.equal(errorCode(await client.call("any")), "OUTCOME_UNKNOWN");
    for (const method of ["tools/call", "tools/list"]) {
      const got = await client.request(method, { name: "any" });
      assert.equal(errorCode(got), "UPSTREAM_UNAVAILABLE", got.text);
      assert.equal(got.status, 200);
      assert.equal(got.error?.data?.["executed"], method === "tools/call" ? "no" : got.error?.data?.["executed"]);
      assert.ok(Math.abs(Number(got.error?.data?.["waitedMs"]) - 1_000) < 400, got.text);
      assert.equal(typeof got.error?.data?.["tried"], "string", got.text);
      assert.equal(upstreamAnswer(got)["status"], 502);
      assert.ok(got.elapsedMs > 900 && got.elapsedMs < 2_000, `${got.elapsedMs} ms`);
    }
    state.away = false;
    assert.equal(toolText(await client.call("any")), "ran");
  });
});

describe("a restart in which the session is lost as well", () => {
  const ways: Readonly<Record<string, (response: ServerResponse) => void>> = {
    "a gateway answers 502 for it": (response) => response.writeHead(502).end(nginxPage),
    "the connection breaks before any answer": (response) => response.destroy(),
    "the stream breaks before its answer": (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": working\n\n", () => response.destroy());
    },
    "the stream ends cleanly without its answer": (response) =>
      response.writeHead(200, { "content-type": "text/event-stream" }).end(": working\n\n"),
  };
  for (const [what, end] of Object.entries(ways)) {
    it(`goes unnoticed by a list that was on its way: ${what}`, async () => {
      let down = false;
      await using upstream = await startUpstream(({ message }, response) => {
        if (!down || message["method"] !== "tools/list") return undefined;
        down = false;
        upstream.forget("s1");
        end(response);
        return true;
      });
      await using holdfast = await startHoldfast(upstream.url);
      const client = await connect(holdfast.url);
      await client.request("ping");
      down = true;
      const got = await client.request("tools/list", {}, 800);
      assert.deepEqual(got.result, {}, got.text);
      const lists = upstream.seen.filter(({ message }) => message["id"] === 800);
      assert.deepEqual(
        lists.map(({ headers }) => headers["mcp-session-id"]),
        ["s1", "s2"],
      );
    });
  }
});

describe("the end of the recovery window", () => {
  const shortWindow = ["--recovery-window", "1"];

  it("is UPSTREAM_REFUSED_CONNECTION where nobody listens any more", async () => {
    await using scene = await openScene({ args: shortWindow });
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "refuse", ms: 4_000 });
    const answers = await Promise.all([client.call("count", { key: "a" }), client.request("tools/list")]);
    for (const got of answers) {
      assert.equal(errorCode(got), "UPSTREAM_REFUSED_CONNECTION", got.text);
      assert.equal(got.error?.data?.["executed"], "no");
      assert.match(got.error?.message ?? "", /ECONNREFUSED/);
      assert.ok(Number(got.error?.data?.["waitedMs"]) >= 900, got.text);
      assert.ok(got.elapsedMs > 900 && got.elapsedMs < 2_500, `${got.elapsedMs} ms`);
    }
    const late = await client.call("count", { key: "b" });
    assert.equal(errorCode(late), "UPSTREAM_REFUSED_CONNECTION", late.text);
  });

  it("is the same for a client that connects", async () => {
    const port = await lastingPort();
    await using holdfast = await startHoldfast(`http://127.0.0.1:${port}/mcp`, { args: shortWindow });
    const got = await new RawClient(holdfast.url).initialize();
    assert.equal(errorCode(got), "UPSTREAM_REFUSED_CONNECTION", got.text);
    assert.equal(got.error?.data?.["tried"], "initialize");
    assert.ok(Number(got.error?.data?.["waitedMs"]) >= 900, got.text);
  });

  it("is UPSTREAM_NAME_UNKNOWN for a name that cannot be looked up", async () => {
    // A label of 64 letters is no name at all, so no resolver is asked outside this machine.
    const name = `${"a".repeat(64)}.invalid`;
    await using holdfast = await startHoldfast(`http://${name}/mcp`, { args: shortWindow });
    const got = await new RawClient(holdfast.url).initialize();
    assert.equal(errorCode(got), "UPSTREAM_NAME_UNKNOWN", got.text);
    assert.equal(got.error?.data?.["executed"], "no");
  });

  it("is SESSION_NOT_RESTORED where the server takes the connection and never answers initialize", async () => {
    await using scene = await openScene({ args: shortWindow });
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "hang", methods: ["initialize"], ...always });
    await scene.order({ do: "forget", as: "404-json" });
    const got = await client.call("count", { key: "a" });
    assert.equal(errorCode(got), "SESSION_NOT_RESTORED", got.text);
    assert.equal(got.error?.data?.["tried"], "initialize");
    assert.ok(got.elapsedMs < 2_500, `${got.elapsedMs} ms`);
    await scene.order({ do: "reset" });
    assert.equal(toolText(await client.call("count", { key: "b" })), "1");
  });
});
