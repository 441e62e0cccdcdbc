// One process of a stdio server for all sessions: ids, tokens, questions and news are kept apart, and nobody hears what is another's.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { eventData } from "../support/raw-client.ts";
import {
  type CallingSession,
  callBody,
  gone,
  isAlive,
  type StdioBridge,
  stdioBridge,
} from "../support/stdio-bridge.ts";

let bridge: StdioBridge;
let one: CallingSession;
let two: CallingSession;

before(async () => {
  bridge = await stdioBridge([], { share: true });
  one = await bridge.session({ capabilities: { elicitation: {} } });
  two = await bridge.session({ firstId: 12 });
});
after(() => bridge.close());

const listen = (session: CallingSession) => session.open({ method: "GET", headers: { accept: "text/event-stream" } });

describe("sessions that share one process", () => {
  it("are served by the same one", async () => {
    assert.equal(await one.call("pid"), await two.call("pid"));
  });

  it("get the answers to their own requests, though they use the same ids, in the text in which they wrote them", async () => {
    const calls = Array.from({ length: 20 }, (_, number) =>
      [one, two].map(async (session, which) => {
        const text = `${which}-${number}`;
        const body = `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo","arguments":{"text":"${text}"}},"id":${number}.0}`;
        const answer = await session.post(body);
        assert.equal(
          answer.text,
          `{"jsonrpc":"2.0","id":${number}.0,"result":{"content":[{"type":"text","text":"${text}"}]}}`,
        );
      }),
    );
    await Promise.all(calls.flat());
  });

  it("get the progress of their own calls, under the token that they gave", async () => {
    const answers = await Promise.all(
      [one, two].map((session) => session.post(callBody(1, "progress", { steps: 3 }, { progressToken: "same" }))),
    );
    for (const { text } of answers) {
      const [first, ...others] = eventData(text);
      assert.match(first ?? "", /"progressToken":"same","progress":1\}/);
      assert.equal(others.length, 3);
    }
  });

  it("cancel their own calls only", async () => {
    const before = await one.call("cancelled");
    const slow = await two.open({ body: callBody("slow", "sleep", { ms: 900 }) });
    const cancel = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"slow"}}';
    await one.post(cancel);
    assert.equal(await one.call("cancelled"), before);
    await two.post(cancel);
    assert.match(await one.call("cancelled"), /^\[.*\d+\]$/);
    slow.leave();
  });

  it("are asked the questions of their own calls; a question that may be either's is refused", async () => {
    const asking = await one.open({ body: callBody("a", "ask") });
    const id = /"id":(\d+),"method"/.exec(await asking.until("elicitation/create"))?.[1];
    // The other's answer to it is nobody's.
    await two.post(`{"jsonrpc":"2.0","id":${id},"result":{"action":"stolen"}}`);
    await one.post(`{"jsonrpc":"2.0","id":${id},"result":{"action":"accept"}}`);
    assert.match(await asking.until('"id":"a"'), /accept/);
    assert.doesNotMatch(asking.text(), /stolen/);
    const slow = two.call("sleep", { ms: 500 });
    await two.call("pid");
    // The scripted server hands out the result of its question, and an error has none.
    assert.match((await one.post(callBody("b", "ask"))).text, /"id":"b".*"text":"undefined"/);
    await slow;
  });

  it("hear of the resources that they subscribed to, and all of a changed list", async () => {
    const [hears, other] = await Promise.all([listen(one), listen(two)]);
    await one.post('{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"file:///mine"}}');
    await hears.until("file:///mine");
    await two.call("later", { ms: 0 });
    await Promise.all([hears.until("tools/list_changed"), other.until("tools/list_changed")]);
    assert.doesNotMatch(other.text(), /file:\/\/\/mine/);
    hears.leave();
    other.leave();
  });

  it("do not hear each other's log messages", async () => {
    const other = await listen(two);
    const answer = await one.post(callBody(1, "tell", { text: "only mine" }));
    assert.match(answer.text, /only mine/);
    await two.call("later", { ms: 0 });
    await other.until("tools/list_changed");
    assert.doesNotMatch(other.text(), /only mine/);
    other.leave();
  });

  it("leave the process to the others when they end, and all find a new one when it dies", async () => {
    const third = await bridge.session();
    const pid = Number(await third.call("pid"));
    await third.send({ method: "DELETE" });
    assert.equal(await one.call("pid"), String(pid));
    assert.ok(isAlive(pid));
    process.kill(pid, "SIGKILL");
    await gone(pid);
    const pids = await Promise.all([one.call("pid"), two.call("pid")]);
    assert.equal(pids[0], pids[1]);
    assert.notEqual(pids[0], String(pid));
  });
});

describe("a question whose session leaves before it answers", () => {
  it("is answered with an error, so that the shared server does not wait for ever", async () => {
    await using own = await stdioBridge([], { share: true });
    const [leaves, stays] = await Promise.all([own.session(), own.session()]);
    const asking = await leaves.open({ body: callBody(1, "ask") });
    await asking.until("elicitation/create");
    await leaves.send({ method: "DELETE" });
    assert.match(await stays.call("pid"), /^\d+$/);
    await own.close();
    assert.match(own.log(), /server's request refused/);
  });
});
