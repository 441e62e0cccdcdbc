// Promises about an answer whose event stream comes from the server in one piece: the common case, which has a way of its own and no other meaning.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ownIds, withoutOwnText } from "../support/own-ids.ts";
import { eventData, openSession } from "../support/raw-client.ts";
import { eventually } from "./recovery-scene.ts";
import { call, listen, openStage, progress, result, type Stage } from "./streams-scene.ts";

/** Answers each call with head and events in one write. */
function openWhole(events: (id: number) => string, args: readonly string[] = []): Promise<Stage> {
  return openStage({
    args,
    respond: ({ body }, response) => {
      const { id } = JSON.parse(String(body)) as { readonly id?: number };
      if (id === undefined) response.writeHead(202).end();
      else response.writeHead(200, { "content-type": "text/event-stream" }).end(events(id));
    },
  });
}

const answerOf = (id: number): string => `event: message\ndata: ${result(id, "done")}\n\n`;
const manyOf = (id: number): string => `id: x\n${progress(1)}id: y\n${progress(2)}${answerOf(id)}`;

describe("an answer that comes as a whole stream", () => {
  it("reaches the client with its bytes, but for ids of Holdfast's in the place of the server's", async () => {
    await using stage = await openWhole(manyOf);
    const answer = await stage.session.send({ body: call(1) });
    assert.equal(withoutOwnText(answer.text), `${progress(1)}${progress(2)}${answerOf(1)}`);
    assert.equal(new Set(ownIds(answer.text)).size, 3);
    assert.equal(answer.headers["content-type"], "text/event-stream");
    assert.equal(answer.headers["x-accel-buffering"], "no");
  });

  it("is found from any event on, as often as its client comes back for it", async () => {
    await using stage = await openWhole(manyOf);
    const { text } = await stage.session.send({ body: call(1) });
    const [first = "", second = "", third = ""] = ownIds(text);
    for (const [from, rest] of [
      [first, `${progress(2)}${answerOf(1)}`],
      [second, answerOf(1)],
      [first, `${progress(2)}${answerOf(1)}`],
    ] as const) {
      const back = await listen(stage.session, from);
      await back.ended;
      assert.equal(withoutOwnText(back.text()), rest);
      assert.ok(text.endsWith(back.text()), "events are named as they were");
    }
    const end = await listen(stage.session, third);
    await end.ended;
    assert.deepEqual([end.status, end.text()], [204, ""]);
    assert.equal(stage.server.seen.filter(({ body }) => body.includes("tools/call")).length, 1);
  });

  it("is not given to another session of the same server", async () => {
    await using stage = await openWhole(manyOf);
    const { text } = await stage.session.send({ body: call(1) });
    const other = await openSession(stage.holdfast.url);
    const back = await listen(other, ownIds(text)[0]);
    await back.ended;
    assert.match(back.text(), /ANSWER_NOT_KEPT/);
    assert.doesNotMatch(back.text(), /progress|done/);
  });

  it("is kept while it is among the last 64 of its session, and its client is told once it is not", async () => {
    await using stage = await openWhole(manyOf);
    const { text } = await stage.session.send({ body: call(1) });
    const [first = ""] = ownIds(text);
    for (let id = 2; id <= 64; id += 1) await stage.session.send({ body: call(id) });
    const kept = await listen(stage.session, first);
    await kept.ended;
    assert.equal(withoutOwnText(kept.text()), `${progress(2)}${answerOf(1)}`);
    // Whoever came back counts as new.
    for (let id = 65; id <= 128; id += 1) await stage.session.send({ body: call(id) });
    const gone = await listen(stage.session, first);
    await gone.ended;
    assert.match(gone.text(), /ANSWER_NOT_KEPT/);
    assert.deepEqual(JSON.parse(eventData(gone.text())[0] ?? "").id, 1);
  });

  it("is kept with as many events as --stream-keep-events says", async () => {
    await using stage = await openWhole(manyOf, ["--stream-keep-events", "2"]);
    const { text } = await stage.session.send({ body: call(1) });
    assert.equal(withoutOwnText(text), `${progress(1)}${progress(2)}${answerOf(1)}`);
    const back = await listen(stage.session, ownIds(text)[0]);
    await back.ended;
    assert.equal(withoutOwnText(back.text()), `${progress(2)}${answerOf(1)}`);
  });

  it("gives way to newer ones beyond --stream-keep-total", async () => {
    await using stage = await openWhole(manyOf, ["--stream-keep-total", "2000"]);
    const { text } = await stage.session.send({ body: call(1) });
    for (let id = 2; id <= 4; id += 1) await stage.session.send({ body: call(id) });
    const newest = await stage.session.send({ body: call(5) });
    const gone = await listen(stage.session, ownIds(text)[0]);
    await gone.ended;
    assert.match(gone.text(), /ANSWER_NOT_KEPT/);
    const back = await listen(stage.session, ownIds(newest.text)[0]);
    await back.ended;
    assert.equal(withoutOwnText(back.text()), `${progress(2)}${answerOf(5)}`);
  });

  it("is given up when --stream-keep has passed", async () => {
    await using stage = await openWhole(manyOf, ["--stream-keep", "0.3"]);
    const { text } = await stage.session.send({ body: call(1) });
    await eventually(async () => {
      const back = await listen(stage.session, ownIds(text)[0]);
      await back.ended;
      return /ANSWER_NOT_KEPT/.test(back.text()) || undefined;
    }, "the answer given up");
  });
});
