// Promises about what flows beside answers: the GET stream, questions of the server, progress, cancellation, resumption. All sessions live; nothing here is lost.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { withoutOwnText, withoutServerIds } from "../support/own-ids.ts";
import {
  eventData,
  type OpenAnswer,
  openSession,
  type RawSession,
  type SessionOptions,
  send,
} from "../support/raw-client.ts";
import { openEvents, type RawServer, type Respond, startRawServer } from "../support/raw-server.ts";
import { eventually, openScene, type Scene, type SceneOptions } from "./recovery-scene.ts";

interface RawStage extends AsyncDisposable {
  readonly server: RawServer;
  readonly session: RawSession;
  /** The server's ends of the GET streams, oldest first. */
  readonly gets: readonly ServerResponse[];
}

/** A server that offers a GET stream and answers POSTs as the test says. */
async function openStage(respond: Respond, options: SessionOptions = {}): Promise<RawStage> {
  await using resources = new AsyncDisposableStack();
  const gets: ServerResponse[] = [];
  const server = resources.use(
    await startRawServer({
      respond: (seen, response) => {
        if (seen.method === "GET") gets.push(openEvents(response));
        else if (seen.method === "DELETE") response.writeHead(200).end();
        else respond(seen, response);
      },
    }),
  );
  const holdfast = resources.use(await startHoldfast(server.url));
  const session = await openSession(holdfast.url, options);
  const owned = resources.move();
  return { server, session, gets, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

interface ChaosStage extends AsyncDisposable {
  readonly scene: Scene;
  readonly session: RawSession;
}

async function openChaos(options: SceneOptions = {}): Promise<ChaosStage> {
  await using resources = new AsyncDisposableStack();
  const scene = resources.use(await openScene(options));
  const session = await openSession(scene.holdfast.url, { capabilities: { elicitation: {}, sampling: {} } });
  const owned = resources.move();
  return { scene, session, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const get = { method: "GET", headers: { accept: "text/event-stream" } } as const;
const call = (id: number, name: string, args: object = {}, meta: object = {}) =>
  JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args, _meta: meta } });
const lastId = (text: string) => [...text.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? "";
const accepted: Respond = (_seen, response) => response.writeHead(202).end();

describe("the GET stream", () => {
  it("brings the server's events as they were written, odd ones and all", async () => {
    await using stage = await openStage(accepted);
    const stream = await stage.session.open(get);
    const events = [
      ': hello\n\nevent: vendor\ndata: {"jsonrpc":"2.0","method":"vendor/news","params":{"n":1.10,"a":1,"a":2}}\n\n',
      'id: 1\r\ndata: {"jsonrpc":"2.0",\r\ndata: "method":"x"}\r\n\r\n',
      "data: not JSON\nretry: 5\nfoo\n\n",
    ];
    assert.deepEqual([stream.status, stream.headers["content-type"]], [200, "text/event-stream"]);
    for (const event of events) {
      stage.gets[0]?.write(event);
      const passed = withoutServerIds(event).toString();
      await eventually(() => withoutOwnText(stream.text()).includes(passed) || undefined, "the event");
    }
    assert.equal(withoutOwnText(stream.text()), withoutServerIds(events.join("")).toString());
    stream.leave();
  });

  it("is one to the server, and each message goes to one client's end only, however many a session opens", async () => {
    await using stage = await openStage(accepted);
    const ends: OpenAnswer[] = [];
    for (let count = 0; count < 3; count += 1) ends.push(await stage.session.open(get));
    for (let count = 0; count < 20; count += 1)
      stage.gets[0]?.write(`data: {"jsonrpc":"2.0","method":"n/${count}"}\n\n`);
    await eventually(() => ends.some((end) => end.text().includes("n/19")) || undefined, "the last message");
    const read = ends.flatMap((end) => eventData(end.text()));
    assert.equal(read.length, 20);
    assert.equal(new Set(read).size, 20);
    assert.equal(stage.server.seen.filter(({ method }) => method === "GET").length, 1);
    for (const end of ends) end.leave();
  });

  it("goes on at an older end after the newest one left", async () => {
    await using stage = await openStage(accepted);
    const older = await stage.session.open(get);
    const newest = await stage.session.open(get);
    newest.leave();
    await newest.ended;
    await eventually(() => {
      stage.gets[0]?.write('data: {"jsonrpc":"2.0","method":"n"}\n\n');
      return older.text().includes('"n"') || undefined;
    }, "a message at the older end");
    older.leave();
  });

  it("loses no message while its client comes back", async () => {
    await using stage = await openStage(accepted);
    const before = await stage.session.open(get);
    stage.gets[0]?.write('data: {"jsonrpc":"2.0","method":"n/1"}\n\n');
    await before.until("n/1");
    before.leave();
    await before.ended;
    // The proxy learns of the departure over another connection than the message; a call in between orders the two.
    await stage.session.post('{"jsonrpc":"2.0","method":"vendor/news"}');
    stage.gets[0]?.write('data: {"jsonrpc":"2.0","method":"n/2"}\n\n');
    const after = await stage.session.open(get);
    await after.until("n/2");
    assert.equal(stage.server.seen.filter(({ method }) => method === "GET").length, 1);
    after.leave();
  });

  it("is refused as the server refuses it where it offers none", async () => {
    await using server = await startRawServer();
    await using holdfast = await startHoldfast(server.url);
    const session = await openSession(holdfast.url);
    const { status } = await session.send(get);
    assert.equal(status, 405);
    assert.equal((await session.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).status, 200);
  });

  it("brings a message of 3 MB whole", async () => {
    await using stage = await openStage(accepted);
    const stream = await stage.session.open(get);
    const event = `data: {"jsonrpc":"2.0","method":"n","params":{"big":"${"x".repeat(3_000_000)}"}}\n\n`;
    stage.gets[0]?.write(event);
    await eventually(() => (stream.text().length > event.length ? true : undefined), "the whole message");
    assert.equal(withoutOwnText(stream.text()), event);
    stream.leave();
  });

  it("brings what the server announces", async () => {
    await using stage = await openChaos();
    const { scene, session } = stage;
    const stream = await session.open(get);
    for (const what of ["tools", "prompts", "resources"]) {
      await scene.order({ do: "notify", what });
      await stream.until(`notifications/${what}/list_changed`);
    }
    await scene.order({ do: "notify", what: "message", level: "error", data: "all is well" });
    await stream.until("all is well");
    stream.leave();
  });
});

describe("DELETE", () => {
  it("ends the session at the server and here, with its streams, and its id is then unknown", async () => {
    await using stage = await openChaos();
    const { scene, session } = stage;
    const stream = await session.open(get);
    const [before] = (await scene.state()).sessions.list;
    const { status, text } = await session.send({ method: "DELETE" });
    assert.deepEqual([status, text], [200, ""]);
    await stream.ended;
    const state = await scene.stateWhen(({ sessions }) => sessions.count === 0, "no session at the server");
    assert.equal(state.requests.findLast(({ http }) => http === "DELETE")?.session, before?.id);
    for (const ask of [{ body: call(5, "echo") }, get, { method: "DELETE" }]) {
      const answer = await session.send(ask);
      assert.equal(answer.status, 404);
      assert.equal(JSON.parse(answer.text).error.data.code, "UNKNOWN_SESSION");
    }
    assert.equal((await scene.state()).received.initialize, 1);
  });

  it("answers 200 also where the server knows no DELETE", async () => {
    await using server = await startRawServer({ respond: (_seen, response) => response.writeHead(405).end() });
    await using holdfast = await startHoldfast(server.url);
    const session = await openSession(holdfast.url);
    assert.equal((await session.send({ method: "DELETE" })).status, 200);
    assert.equal((await session.send({ method: "DELETE" })).status, 404);
  });
});

describe("a question of the server", () => {
  const questions = {
    "elicitation/create": '{"message":"é?","requestedSchema":{"type":"object","properties":{}}}',
    "sampling/createMessage": '{"messages":[],"maxTokens":1e2}',
    "roots/list": '{"_meta":null}',
    ping: "{}",
    "vendor/question": '{"n":12345678901234567890}',
  };

  for (const [method, params] of Object.entries(questions)) {
    it(`(${method}) reaches the client inside a call, its answer the server, and the call goes on`, async () => {
      const question = `{"jsonrpc":"2.0","id":"q-1","method":"${method}","params":${params}}`;
      const reply = '{"jsonrpc":"2.0","id":"q-1","result":{"n":1.10,"a":1,"a":2}}';
      let asking: ServerResponse | undefined;
      await using stage = await openStage(({ body }, response) => {
        if (body.includes('"tools/call"')) {
          asking = openEvents(response);
          asking.write(`data: ${question}\n\n`);
          return;
        }
        response.writeHead(202).end();
        asking?.end(`data: {"jsonrpc":"2.0","id":1,"result":${JSON.stringify(body.toString())}}\n\n`);
      });
      const stream = await stage.session.open({ body: call(1, "ask") });
      await stream.until("\n\n");
      assert.deepEqual(eventData(stream.text()), [question]);
      const { status, text } = await stage.session.post(reply);
      assert.deepEqual([status, text], [202, ""]);
      await stream.ended;
      assert.deepEqual(eventData(stream.text())[1], `{"jsonrpc":"2.0","id":1,"result":${JSON.stringify(reply)}}`);
    });
  }

  it("on the GET stream reaches the client, and its answer the server", async () => {
    await using stage = await openStage(accepted);
    const stream = await stage.session.open(get);
    stage.gets[0]?.write('data: {"jsonrpc":"2.0","id":9,"method":"ping"}\n\n');
    await stream.until("ping");
    const reply = '{"jsonrpc":"2.0","id":9,"result":{}}';
    assert.equal((await stage.session.post(reply)).status, 202);
    const received = await stage.server.next(({ body }) => body.includes("result"));
    assert.equal(received.body.toString(), reply);
    assert.equal(received.headers["mcp-session-id"], stage.server.sessionIds[0]);
    stream.leave();
  });

  for (const [tool, method] of [
    ["ask", "elicitation/create"],
    ["sample", "sampling/createMessage"],
  ] as const) {
    it(`(${method}) of a whole server comes back with what the client said`, async () => {
      await using stage = await openChaos();
      const { session } = stage;
      const stream = await session.open({ body: call(1, tool) });
      await stream.until(method);
      const id: unknown = JSON.parse(eventData(stream.text())[0] ?? "{}").id;
      await session.post(JSON.stringify({ jsonrpc: "2.0", id, result: { said: "yes" } }));
      await stream.ended;
      assert.equal(JSON.parse(eventData(stream.text()).at(-1) ?? "{}").result.content[0].text, '{"said":"yes"}');
    });
  }
});

describe("during a call", () => {
  it("progress arrives step by step, before the answer", async () => {
    let working: ServerResponse | undefined;
    await using stage = await openStage((_seen, response) => {
      working = openEvents(response);
    });
    const stream = await stage.session.open({ body: call(1, "work", {}, { progressToken: 1.5 }) });
    for (const step of [1, 2, 3]) {
      working?.write(`data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":${step}}}\n\n`);
      await stream.until(`"progress":${step}`);
    }
    working?.end('data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n');
    await stream.ended;
    assert.equal(eventData(stream.text()).length, 4);
  });

  it("log messages of the level that the client set arrive in order", async () => {
    await using stage = await openChaos();
    const { session } = stage;
    await session.post('{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"critical"}}');
    const { text } = await session.post(call(2, "log"));
    const levels = eventData(text).map((data) => JSON.parse(data).params?.level);
    assert.deepEqual(levels, ["critical", "alert", "emergency", undefined]);
  });

  const cancellation = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"reason":"é"}}';

  it("a cancellation reaches the server, and the stream that it then ends without an answer ends so for the client", async () => {
    await using stage = await openChaos();
    const { scene, session } = stage;
    const stream = await session.open({ body: call(7, "slow", { ms: 60_000, key: "a" }) });
    await scene.stateWhen(({ executions }) => executions["slow"]?.["a"] === 1, "the running call");
    assert.equal((await session.post(cancellation)).status, 202);
    await stream.ended;
    assert.equal(stream.text(), "");
    const { executions } = await scene.state();
    assert.equal(executions["slow"]?.["a"], 1);
  });

  it("a cancelled request is not sent again, whatever the protocol says of its method", async () => {
    let running: ServerResponse | undefined;
    await using stage = await openStage(({ body }, response) => {
      if (body.includes("cancelled")) {
        running?.end();
        response.writeHead(202).end();
      } else running = openEvents(response);
    });
    const stream = await stage.session.open({ body: '{"jsonrpc":"2.0","id":7,"method":"tools/list"}' });
    await stage.session.post(cancellation);
    await stream.ended;
    assert.equal(stream.text(), "");
    assert.equal(stage.server.seen.filter(({ body }) => body.includes("tools/list")).length, 1);
  });
});

describe("Mcp-Protocol-Version", () => {
  it("passes as the client sends it, also where it sends none", async () => {
    await using stage = await openStage(accepted, { version: "2025-11-25" });
    const notice = '{"jsonrpc":"2.0","method":"vendor/news"}';
    await stage.session.post(notice);
    await stage.session.post(notice, { "mcp-protocol-version": "2025-06-18" });
    const { "mcp-protocol-version": _none, ...headers } = stage.session.headers;
    await send(stage.session.url, { headers, body: notice });
    const versions = stage.server.seen.map((seen) => seen.headers["mcp-protocol-version"]);
    assert.deepEqual(versions, ["2025-11-25", "2025-06-18", undefined]);
    assert.equal(stage.server.opened[0]?.headers["mcp-protocol-version"], undefined);
  });
});

describe("Last-Event-ID against a server that resumes", () => {
  it("brings the rest of an answer whose connection the client lost", async () => {
    await using stage = await openChaos({ chaos: { resumable: true } });
    const { scene, session } = stage;
    const body = call(1, "progress", { steps: 6, everyMs: 100 }, { progressToken: "p" });
    const torn = await session.open({ body });
    await torn.until('"progress":2');
    torn.leave();
    const from = lastId(torn.text());
    const rest = await session.open({ ...get, headers: { ...get.headers, "last-event-id": from } });
    await rest.until('"result"');
    rest.leave();
    const all = [...eventData(torn.text()), ...eventData(rest.text())].map((data) => JSON.parse(data));
    const steps = all.flatMap(({ params }) => params?.progress ?? []);
    assert.deepEqual(steps, [1, 2, 3, 4, 5, 6]);
    assert.equal(all.at(-1).result.content[0].text, "6 steps done");
    const { executions, requests } = await scene.state();
    assert.deepEqual(executions["progress"], { "": 1 });
    assert.deepEqual(
      requests.filter(({ http }) => http === "GET"),
      [],
    );
  });

  it("is not needed where the server closes a primed stream on purpose: Holdfast asks for the rest", async () => {
    await using stage = await openChaos({ chaos: { resumable: true } });
    const { scene, session } = stage;
    await scene.order({ do: "close-stream", retryMs: 7 });
    const { status, text } = await session.post(call(1, "slow", { ms: 200, key: "a" }));
    assert.equal(status, 200);
    assert.match(text, /^id: \S+\nretry: 7\ndata: ?\n\n/);
    assert.match(text, /waited 200 ms/);
    const { executions, requests } = await scene.state();
    assert.deepEqual(executions["slow"], { a: 1 });
    assert.ok(requests.some(({ http, lastEventId }) => http === "GET" && lastEventId !== null));
  });

  it("brings what was said on the GET stream while its client was away, once each", async () => {
    await using stage = await openChaos({ chaos: { resumable: true } });
    const { scene, session } = stage;
    const before = await session.open(get);
    await scene.order({ do: "notify", what: "message", data: "one" });
    await before.until("one");
    const from = lastId(before.text());
    before.leave();
    await scene.order({ do: "notify", what: "message", data: "two" });
    const after = await session.open({ ...get, headers: { ...get.headers, "last-event-id": from } });
    await after.until("two");
    await scene.order({ do: "notify", what: "message", data: "three" });
    await after.until("three");
    const said = eventData(after.text()).map((data) => JSON.parse(data).params.data);
    assert.deepEqual(said, ["two", "three"]);
    after.leave();
  });

  it("with an id that nobody gave opens the session's standing stream, and the server hears nothing of it", async () => {
    await using stage = await openChaos({ chaos: { resumable: true } });
    const { scene, session } = stage;
    const stream = await session.open({ ...get, headers: { ...get.headers, "last-event-id": "no-such-event" } });
    assert.equal(stream.status, 200);
    await scene.order({ do: "notify", what: "message", data: "one" });
    await stream.until("one");
    stream.leave();
    const { requests, received } = await scene.state();
    assert.deepEqual(
      requests.filter(({ lastEventId }) => lastEventId !== null),
      [],
    );
    assert.equal(received.initialize, 1);
  });
});
