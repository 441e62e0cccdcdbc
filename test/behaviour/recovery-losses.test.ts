// Losses that come in crowds, in a row, and in the middle of a restore; and a server that keeps no session at all.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startHoldfast } from "../support/holdfast.ts";
import { connect, errorCode, eventually, openScene, RawClient, toolText } from "./recovery-scene.ts";
import { refuseSession, type Script, sendJson, startUpstream } from "./recovery-upstream.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe("many calls that meet the same dead session", () => {
  for (const as of ["404-json", "400-supergateway", "404-html", "200-session-not-found"]) {
    it(`share one initialize, and each runs once and gets its own answer (${as})`, async () => {
      await using scene = await openScene();
      const client = await connect(scene.holdfast.url);
      await client.call("echo", { text: "in use" });
      await scene.order({ do: "forget", as });
      const answers = await Promise.all(numbers(100).map((n) => client.call("count", { key: `key ${n}` }, 1_000 + n)));
      assert.deepEqual(
        answers.map(({ messages }) => messages.at(-1)?.["id"]),
        numbers(100).map((n) => 1_000 + n),
      );
      assert.deepEqual(
        answers.map((answer) => Number(toolText(answer))).sort((a, b) => a - b),
        numbers(100),
      );
      const { received, executions, sessions } = await scene.state();
      assert.equal(received.initialize, 2);
      assert.deepEqual(executions["count"], Object.fromEntries(numbers(100).map((n) => [`key ${n}`, 1])));
      assert.equal(sessions.count, 1);
    });
  }

  it("are sent at most twice each", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "forget", as: "404-json" });
    await Promise.all(numbers(30).map((n) => client.call("count", { key: `key ${n}` }, 1_000 + n)));
    const { requests } = await scene.state();
    for (const n of numbers(30)) assert.ok(requests.filter(({ id }) => id === 1_000 + n).length <= 2, `call ${n}`);
  });

  it("all wait for an initialize that takes long", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "forget", as: "404-json" });
    await scene.order({ do: "delay", ms: 1_200, methods: ["initialize"] });
    const answers = await Promise.all(numbers(20).map((n) => client.call("count", { key: `key ${n}` })));
    assert.deepEqual(
      answers.map((answer) => Number(toolText(answer))).sort((a, b) => a - b),
      numbers(20),
    );
    const { received, executions } = await scene.state();
    assert.equal(received.initialize, 2);
    assert.ok(Object.values(executions["count"] ?? {}).every((times) => times === 1));
  });
});

describe("losses in a row", () => {
  it("stay invisible over five restarts, each with its outage", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    for (const n of numbers(5)) {
      assert.equal(toolText(await client.call("echo", { text: `before ${n}` })), `before ${n}`);
      await scene.order({ do: "refuse", ms: 150 });
      assert.match(toolText(await client.call("count", { key: `restart ${n}` })), /^\d+$/);
    }
    const { received, executions } = await scene.state();
    assert.equal(received.initialize, 6);
    assert.deepEqual(executions["count"], Object.fromEntries(numbers(5).map((n) => [`restart ${n}`, 1])));
  });

  it("stay invisible where each comes before the next call", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    for (const n of numbers(12)) {
      await scene.order({ do: "forget", as: n % 2 === 0 ? "400-supergateway" : "404-text" });
      assert.equal(toolText(await client.call("echo", { text: `after ${n}` })), `after ${n}`);
    }
    assert.equal((await scene.state()).received.initialize, 13);
  });

  it("give two clients their own sessions back", async () => {
    await using scene = await openScene();
    const levels = ["error", "debug"] as const;
    const clients = await Promise.all(levels.map(() => connect(scene.holdfast.url)));
    const listeners = await Promise.all(clients.map((client) => client.listen()));
    await Promise.all(clients.map((client, n) => client.request("logging/setLevel", { level: levels[n] })));
    const { sessions } = await scene.state();
    assert.equal(sessions.count, 2);
    await scene.order({ do: "forget", as: "404-json" });
    const answers = await Promise.all(clients.map((client, n) => client.call("count", { key: `client ${n}` })));
    assert.deepEqual(new Set(answers.map(toolText)), new Set(["1", "2"]));
    const now = await scene.stateWhen(
      (state) => state.sessions.list.filter(({ getOpen }) => getOpen).length === 2,
      "both streams on new sessions",
    );
    assert.equal(now.received.initialize, 4);
    assert.deepEqual(new Set(now.sessions.list.map(({ logLevel }) => logLevel)), new Set(["debug", "error"]));
    await scene.order({ do: "notify", what: "message", level: "info", data: "only for debug" });
    await listeners[1]?.next((message) => JSON.stringify(message).includes("only for debug"));
    assert.ok(listeners[0]?.messages.every((message) => !JSON.stringify(message).includes("only for debug")));
    for (const listener of listeners) listener.close();
  });
});

/** A server that forgets session `from` when a call comes, and each later one as `loses` says. */
const forgets =
  (loses: (method: unknown, session: unknown) => boolean): Script =>
  ({ message, headers }, response) => {
    const { id, method } = message;
    const session = headers["mcp-session-id"];
    if (session !== undefined && loses(method, session)) return refuseSession(response);
    if (method !== "tools/call") return undefined;
    return sendJson(response, 200, { jsonrpc: "2.0", id, result: { content: [{ type: "text", text: session }] } });
  };

describe("a loss in the middle of a restore", () => {
  for (const step of ["logging/setLevel", "resources/subscribe"]) {
    it(`is restored once more when it shows at ${step}, and the call runs once`, async () => {
      let armed = false;
      const dead = new Set<unknown>();
      await using upstream = await startUpstream(
        forgets((method, session) => {
          if (armed && (session === "s1" || (session === "s2" && method === step))) dead.add(session);
          return dead.has(session);
        }),
      );
      await using holdfast = await startHoldfast(upstream.url);
      const client = await connect(holdfast.url);
      await client.request("logging/setLevel", { level: "warning" });
      await client.request("resources/subscribe", { uri: "test://one" });
      armed = true;
      assert.equal(toolText(await client.call("where")), "s3");
      const calls = upstream.seen.filter(({ message }) => message["method"] === "tools/call");
      assert.deepEqual(
        calls.map(({ headers }) => headers["mcp-session-id"]),
        ["s1", "s3"],
      );
      const steps = upstream.seen.filter(({ headers }) => headers["mcp-session-id"] === "s3");
      assert.ok(steps.some(({ message }) => message["method"] === step));
      assert.equal(upstream.names().filter((name) => name === "initialize").length, 3);
    });
  }

  it("is invisible when the client's own notifications/initialized is the first to meet it", async () => {
    await using upstream = await startUpstream(forgets((_, session) => session === "s1"));
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    assert.equal(toolText(await client.call("where")), "s2");
    const told = upstream.seen.filter(({ message }) => message["method"] === "notifications/initialized");
    assert.deepEqual(
      told.map(({ headers }) => headers["mcp-session-id"]),
      ["s1", "s2"],
    );
  });

  /** A server whose sessions up to that one die before they have taken anything, notifications/initialized included. */
  const diesUpTo = async (last: number) => {
    let armed = false;
    const upstream = await startUpstream(forgets((_, session) => armed && Number(String(session).slice(1)) <= last));
    const holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    await client.request("ping");
    armed = true;
    return {
      client,
      sendsOf: (sent: number) => upstream.seen.filter(({ message }) => message["id"] === sent).length,
      [Symbol.asyncDispose]: async () => {
        await holdfast[Symbol.asyncDispose]();
        await upstream[Symbol.asyncDispose]();
      },
    };
  };

  for (const last of [2, 4]) {
    it(`is invisible where the new session is lost before its first use, ${last - 1} in a row, and the call runs once`, async () => {
      await using world = await diesUpTo(last);
      assert.equal(toolText(await world.client.call("where", {}, 500)), `s${last + 1}`);
      assert.equal(world.sendsOf(500), last + 1);
      assert.equal(toolText(await world.client.call("where")), `s${last + 1}`);
    });
  }

  it("ends a call that five sessions in a row have refused with an error that says it did not run, and the next one is answered", async () => {
    await using world = await diesUpTo(5);
    const got = await world.client.call("where", {}, 500);
    assert.equal(got.status, 200, got.text);
    assert.equal(errorCode(got), "SESSION_NOT_KEPT", got.text);
    assert.equal(got.error?.data?.["executed"], "no");
    assert.equal(world.sendsOf(500), 5);
    assert.equal(toolText(await world.client.call("where")), "s6");
  });

  it("leaves the restored session in use where only notifications/initialized is refused", async () => {
    let armed = false;
    await using upstream = await startUpstream(
      forgets(
        (method, session) =>
          armed && (session === "s1" || (session === "s2" && method === "notifications/initialized")),
      ),
    );
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    await client.request("ping");
    armed = true;
    assert.equal(toolText(await client.call("where")), "s2");
    assert.equal(toolText(await client.call("where")), "s2");
  });
});

describe("another caller during a restore", () => {
  it("sees only 404 under the same id, and reaches nobody", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url, { headers: { authorization: "Bearer one" } });
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "forget", as: "404-json" });
    await scene.order({ do: "delay", ms: 1_000, methods: ["initialize"] });
    const waiting = client.call("count", { key: "mine" });
    await scene.stateWhen((state) => state.received.initialize === 2, "the restore under way");
    const before = await scene.state();
    for (const headers of [{ authorization: "Bearer two" }, {}]) {
      const stranger = new RawClient(scene.holdfast.url, headers);
      stranger.headers["mcp-session-id"] = client.sessionId;
      const got = await stranger.call("count", { key: "theirs" });
      assert.equal(got.status, 404);
      assert.equal(errorCode(got), "UNKNOWN_SESSION");
      assert.equal((await stranger.listen()).status, 404);
      const ended = await fetch(stranger.url, { method: "DELETE", headers: stranger.headers });
      assert.equal(ended.status, 404);
    }
    const { received } = await scene.state();
    assert.deepEqual(received.methods, before.received.methods);
    assert.equal(toolText(await waiting), "1");
  });
});

describe("a server that forgets each session at once", () => {
  it("is asked a bounded number of times, is named in the error, and is used again as soon as it heals", async () => {
    await using scene = await openScene({ args: ["--recovery-window", "0.5"] });
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "forget-always", as: "404-json" });
    await scene.order({ do: "forget", as: "404-json" });
    const codes = new Set<unknown>();
    for (const n of numbers(40)) {
      const got = await client.call("count", { key: "none" });
      assert.equal(got.status, 200, `call ${n}: ${got.text}`);
      codes.add(errorCode(got));
    }
    assert.deepEqual(codes, new Set(["RESTORES_PAUSED", "SESSION_NOT_KEPT"]));
    const { received, executions } = await scene.state();
    assert.ok(received.initialize <= 10, `${received.initialize} initializes`);
    assert.equal(executions["count"], undefined);
    await scene.order({ do: "forget-always", on: false });
    const paused = await client.call("count", { key: "healed" });
    const retryAfterMs = paused.error === undefined ? 0 : Number(paused.error.data?.["retryAfterMs"]);
    assert.ok(retryAfterMs <= 5_000, paused.text);
    await wait(retryAfterMs);
    const healed = paused.error === undefined ? paused : await client.call("count", { key: "healed" });
    assert.equal(toolText(healed), "1");
  });

  it("is waited for in a pause that the window allows, and the waiting call runs as soon as it heals", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "forget-always", as: "404-json" });
    await scene.order({ do: "forget", as: "404-json" });
    assert.equal(errorCode(await client.call("count", { key: "none" })), "SESSION_NOT_KEPT");
    const waiting = client.call("count", { key: "healed" });
    await scene.order({ do: "forget-always", on: false });
    assert.equal(toolText(await waiting), "1");
  });

  it("twice in a row is not seen by twenty clients", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    const clients = await Promise.all(numbers(20).map(() => connect(holdfast.url)));
    await Promise.all(clients.map((client) => client.request("ping")));
    // Those that they hold, and those that they get for them.
    upstream.forget(...numbers(40).map((n) => `s${n}`));
    for (const answer of await Promise.all(clients.map((client) => client.request("tools/list"))))
      assert.deepEqual(answer.result, {}, answer.text);
    assert.equal(upstream.names().filter((name) => name === "initialize").length, 60);
  });

  it("costs a crowd no more initializes than one call", async () => {
    await using scene = await openScene({ args: ["--recovery-window", "0.5"] });
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    await scene.order({ do: "forget-always", as: "400-supergateway" });
    await scene.order({ do: "forget", as: "400-supergateway" });
    const answers = await Promise.all(numbers(60).map((n) => client.call("count", { key: `key ${n}` })));
    for (const answer of answers) {
      assert.match(String(errorCode(answer)), /^(SESSION_NOT_KEPT|RESTORES_PAUSED)$/, answer.text);
      assert.equal(answer.error?.data?.["executed"], "no");
    }
    assert.ok((await scene.state()).received.initialize <= 8);
  });

  it("ends the attempts of a stream that no call prompts as well", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await client.call("echo", { text: "in use" });
    const listener = await client.listen();
    await scene.order({ do: "forget-always", as: "404-json" });
    await scene.order({ do: "forget", as: "404-json" });
    await wait(1_500);
    assert.ok((await scene.state()).received.initialize <= 10);
    await scene.order({ do: "forget-always", on: false });
    await scene.stateWhen((state) => state.sessions.list.some(({ getOpen }) => getOpen), "the stream", 20_000);
    await eventually(async () => {
      await scene.order({ do: "notify", what: "message", level: "error", data: "healed" });
      return listener.messages.some((message) => JSON.stringify(message).includes("healed")) ? true : undefined;
    }, "an event on the client's stream");
    listener.close();
  });
});
