// A stdio server behind HTTP: what passes, in which stream, and how large.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { eventData } from "../support/raw-client.ts";
import { type CallingSession, callBody, gone, type StdioBridge, stdioBridge } from "../support/stdio-bridge.ts";

let bridge: StdioBridge;
let session: CallingSession;

before(async () => {
  bridge = await stdioBridge([], { env: { GREETING: "hello" }, cwd: "/" });
  session = await bridge.session({ capabilities: { elicitation: {} } });
});
after(() => bridge.close());

describe("a stdio server behind HTTP", () => {
  it("answers a call with the server's own bytes", async () => {
    const answer = await session.post('{ "jsonrpc":"2.0","id":12345678901234567890, "method":"ping"}');
    assert.equal(answer.status, 200);
    assert.equal(answer.text, '{"jsonrpc":"2.0","id":12345678901234567000,"result":{}}');
  });

  it("takes a message that was written over several lines", async () => {
    const answer = await session.post('{\r\n"jsonrpc":"2.0",\n"id":1,\n"method":"ping"}\n');
    assert.equal(answer.text, '{"jsonrpc":"2.0","id":1,"result":{}}');
  });

  it("runs in the directory and with the variables that were set, and with few of ours", async () => {
    assert.equal(await session.call("cwd"), "/");
    assert.equal(await session.call("variable", { name: "GREETING" }), "hello");
    const names = (await session.call("variables")).split(" ").filter((name) => !name.startsWith("__"));
    const expected = new Set([
      "GREETING",
      "HOME",
      "LANG",
      "LC_ALL",
      "LC_CTYPE",
      "LOGNAME",
      "PATH",
      "SHELL",
      "TERM",
      "TMPDIR",
      "TZ",
      "USER",
    ]);
    assert.deepEqual(
      names.filter((name) => !expected.has(name)),
      [],
    );
  });

  it("sends progress on the stream of the call that it belongs to, while another runs", async () => {
    const [first, second] = await Promise.all([
      session.post(callBody(1, "progress", { steps: 3 }, { progressToken: "a" })),
      session.post(callBody(2, "progress", { steps: 2 }, { progressToken: 7 })),
    ]);
    const tokens = (text: string) => eventData(text).map((data) => JSON.parse(data).params?.progressToken ?? "answer");
    assert.deepEqual(tokens(first.text), ["a", "a", "a", "answer"]);
    assert.deepEqual(tokens(second.text), [7, 7, "answer"]);
  });

  it("sends a log message on the stream of the only open call", async () => {
    const answer = await session.post(callBody(1, "tell", { text: "news" }));
    const [log, result] = eventData(answer.text);
    assert.equal(log, '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"news"}}');
    assert.match(result ?? "", /"id":1/);
  });

  it("carries the server's question to the client and its answer back", async () => {
    const asking = await session.open({ body: callBody(1, "ask") });
    const text = await asking.until("elicitation/create");
    const id = /"id":(\d+),"method":"elicitation/.exec(text)?.[1];
    const taken = await session.post(`{"jsonrpc":"2.0","id":${id},"result":{"action":"accept","content":{"n":1.0}}}`);
    assert.equal(taken.status, 202);
    assert.match(await asking.until('"id":1'), /action.{1,5}accept/);
    await asking.ended;
  });

  it("hands a cancellation to the server", async () => {
    const slow = await session.open({ body: callBody("slow", "sleep", { ms: 5_000 }) });
    await session.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"slow"}}');
    assert.equal(await session.call("cancelled"), '["slow"]');
    // Nobody is kept waiting for what will not be answered.
    await slow.ended;
  });

  it("opens the stream of a call that takes its time, so that it can be kept alive", async () => {
    const slow = await session.open({ body: callBody(1, "sleep", { ms: 900 }) });
    assert.equal(slow.headers["content-type"], "text/event-stream");
    assert.equal(slow.text(), "");
    await slow.until('"id":1');
  });

  it("keeps what belongs to no call until a stream opens, and sends later news there", async () => {
    await session.call("later", { ms: 50 });
    // Asked with an id as Holdfast gives its own requests, whose stream takes nothing else; answered after the news has come.
    await session.post(callBody("holdfast-waits", "sleep", { ms: 150 }));
    const stream = await session.open({ method: "GET", headers: { accept: "text/event-stream" } });
    await stream.until("notifications/tools/list_changed");
    await session.post('{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"file:///a"}}');
    assert.match(await stream.until("notifications/resources/updated"), /"uri":"file:\/\/\/a"/);
    stream.leave();
  });

  it("passes an answer of 20 MB and a request of 5 MB", async () => {
    assert.equal((await session.call("big", { bytes: 20_000_000 })).length, 20_000_000);
    const text = "y".repeat(5_000_000);
    assert.equal(await session.call("echo", { text }), text);
  });

  it("answers each request of a batch", async () => {
    const answer = await session.post(
      `[${callBody(1, "echo", { text: "one" })},\n{"jsonrpc":"2.0","method":"notifications/roots/list_changed"},${callBody(2, "echo", { text: "two" })}]`,
    );
    assert.deepEqual(
      eventData(answer.text).map((data) => JSON.parse(data).id),
      [1, 2],
    );
  });

  it("gives each session a process of its own, which ends with it", async () => {
    const other = await bridge.session();
    const [one, two] = [Number(await session.call("pid")), Number(await other.call("pid"))];
    assert.notEqual(one, two);
    assert.equal((await other.send({ method: "DELETE" })).status, 200);
    await gone(two);
    assert.equal(await session.call("pid"), String(one));
  });
});

describe("the limit for one message of a stdio server", () => {
  it("lets a message of just that size pass and fails a larger one alone, with its own error", async () => {
    const maxMessageBytes = 100_000;
    await using small = await stdioBridge([], { maxMessageBytes });
    const own = await small.session();
    // What stands around the text in the answer to size, measured with an empty one.
    const frame = (await own.post(callBody("size", "big", { bytes: 0 }))).body.length;
    const atLimit = await own.post(callBody("size", "big", { bytes: maxMessageBytes - frame }));
    assert.equal(atLimit.body.length, maxMessageBytes);
    const waiting = own.call("sleep", { ms: 300 });
    const beyond = await own.post(callBody("size", "big", { bytes: maxMessageBytes - frame + 1 }));
    assert.match(beyond.text, /"id":"size","error":\{"code":1427,.*SERVER_MESSAGE_TOO_LARGE/);
    assert.match(await waiting, /^\d+$/);
    assert.match(await own.call("pid"), /^\d+$/);
  });
});
