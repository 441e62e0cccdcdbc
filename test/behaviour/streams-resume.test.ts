// Promises about streams that a client lost and comes back for, where the server knows nothing of it: event ids, Last-Event-ID, whose events they are.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ownIds, withoutOwnText } from "../support/own-ids.ts";
import { eventData, openSession } from "../support/raw-client.ts";
import { openEvents } from "../support/raw-server.ts";
import { eventually } from "./recovery-scene.ts";
import { call, lastOwnId, listen, news, nth, openStage, progress, result } from "./streams-scene.ts";

const quick = ["--stream-open-after", "0.1"];

describe("an answer whose client lost its connection", () => {
  it("goes on where the client left off, with each event once, at a server without event ids", async () => {
    await using stage = await openStage();
    const opening = stage.session.open({ body: call(1) });
    const answer = openEvents(await nth(stage.calls, 1));
    answer.write(progress(1) + progress(2));
    const torn = await opening;
    await torn.until('"progress":2');
    torn.leave();
    await torn.ended;
    answer.write(progress(3));
    const rest = await listen(stage.session, lastOwnId(torn.text()));
    await rest.until('"progress":3');
    answer.end(`data: ${result(1, "done")}\n\n`);
    await rest.ended;
    assert.equal(
      withoutOwnText(torn.text() + rest.text()),
      `${progress(1)}${progress(2)}${progress(3)}data: ${result(1, "done")}\n\n`,
    );
    assert.equal(stage.server.seen.filter(({ method }) => method === "POST").length, 1);
    assert.equal(stage.server.seen.filter(({ method }) => method === "GET").length, 0);
  });

  it("is found whole where it came while the client was away, from any event on, and as often as it is asked for", async () => {
    await using stage = await openStage();
    const opening = stage.session.open({ body: call("a") });
    const answer = openEvents(await nth(stage.calls, 1));
    answer.write(progress(1));
    const torn = await opening;
    await torn.until("\n\n");
    torn.leave();
    await torn.ended;
    answer.end(`${progress(2)}data: ${result("a")}\n\n`);
    const [first = ""] = ownIds(torn.text());
    for (let times = 0; times < 2; times += 1) {
      const rest = await listen(stage.session, first);
      await rest.ended;
      assert.equal(withoutOwnText(rest.text()), `${progress(2)}data: ${result("a")}\n\n`);
      const [, last = ""] = ownIds(rest.text());
      const end = await listen(stage.session, last);
      await end.ended;
      assert.deepEqual([end.status, end.text()], [204, ""]);
    }
  });

  it("leaves the connection to the newest of those that come back for it", async () => {
    await using stage = await openStage({ args: quick });
    const first = await stage.session.open({ body: call(1) });
    await first.until("\n\n");
    const second = await listen(stage.session, lastOwnId(first.text()));
    await first.ended;
    (await nth(stage.calls, 1)).writeHead(200, { "content-type": "application/json" }).end(result(1));
    await second.ended;
    assert.deepEqual(eventData(second.text()), [result(1)]);
  });
});

describe("an answer that takes long", () => {
  it("begins as a stream that can be resumed, and brings the server's JSON as an event", async () => {
    await using stage = await openStage({ args: quick });
    const early = await stage.session.open({ body: call(7) });
    await early.until("\n\n");
    assert.equal(early.headers["content-type"], "text/event-stream");
    assert.equal(early.headers["x-accel-buffering"], "no");
    assert.match(early.text(), /^id: \S+\nretry: 5000\ndata: \n\n$/);
    early.leave();
    await early.ended;
    const json = '{"jsonrpc":"2.0",\r\n"id":7,\n"result":{"n":1.10}}\n';
    (await nth(stage.calls, 1)).writeHead(200, { "content-type": "application/json" }).end(json);
    const rest = await listen(stage.session, lastOwnId(early.text()));
    await rest.ended;
    assert.deepEqual(eventData(rest.text()), [json.replaceAll("\r\n", "\n")]);
    assert.equal(stage.server.seen.length, 1);
  });

  it("gives clients of older revisions an id in an event that their kind of reader passes over", async () => {
    await using stage = await openStage({ args: quick, version: "2025-06-18" });
    const early = await stage.session.open({ body: call(7) });
    await early.until("\n\n");
    assert.match(early.text(), /^id: \S+\nevent: priming\nretry: 5000\ndata: \n\n$/);
    early.leave();
  });

  it("of 3 MB comes whole as one event", async () => {
    await using stage = await openStage({ args: quick });
    const early = await stage.session.open({ body: call(7) });
    await early.until("\n\n");
    const json = result(
      7,
      Array.from({ length: 100 }, () => "x".repeat(30_000)),
    ).replaceAll(",", ",\n");
    (await nth(stage.calls, 1)).writeHead(200, { "content-type": "application/json" }).end(json);
    await early.ended;
    assert.deepEqual(eventData(early.text()), [json]);
  });

  it("stays plain JSON, byte for byte, for a client that takes no streams", async () => {
    await using stage = await openStage({ args: quick });
    const waiting = stage.session.post(call(7), { accept: "application/json" });
    const answer = await nth(stage.calls, 1);
    await new Promise((resolve) => setTimeout(resolve, 400));
    answer.writeHead(200, { "content-type": "application/json" }).end(result(7));
    const { headers, text } = await waiting;
    assert.deepEqual([headers["content-type"], text], ["application/json", result(7)]);
  });

  it("is an error of the request where the server then gives no message", async () => {
    await using stage = await openStage({ args: quick });
    const early = await stage.session.open({ body: call(7) });
    await early.until("\n\n");
    (await nth(stage.calls, 1)).writeHead(200, { "content-type": "text/html" }).end("<p>late</p>");
    await early.ended;
    const { id, error } = JSON.parse(eventData(early.text())[0] ?? "{}");
    assert.deepEqual([id, error.data.code, error.data.upstream.body], [7, "ANSWER_NOT_A_MESSAGE", "<p>late</p>"]);
  });
});

describe("the GET stream of a client that lost its connection", () => {
  it("brings what was said meanwhile, once and in order", async () => {
    await using stage = await openStage();
    const before = await listen(stage.session);
    const server = await nth(stage.gets, 1);
    server.write(news("1"));
    await before.until("news/1");
    before.leave();
    await before.ended;
    server.write(news("2") + news("3"));
    const after = await listen(stage.session, lastOwnId(before.text()));
    await after.until("news/3");
    server.write(news("4"));
    await after.until("news/4");
    assert.equal(withoutOwnText(before.text() + after.text()), ["1", "2", "3", "4"].map(news).join(""));
    assert.equal(stage.gets.length, 1);
    after.leave();
  });

  it("can be resumed before anything was said on it", async () => {
    await using stage = await openStage();
    const before = await listen(stage.session);
    await before.until("\n\n");
    before.leave();
    await before.ended;
    (await nth(stage.gets, 1)).write(news("1"));
    const after = await listen(stage.session, lastOwnId(before.text()));
    await after.until("news/1");
    after.leave();
  });

  it("brings a message that went to one of two streams to that one alone", async () => {
    await using stage = await openStage();
    const older = await listen(stage.session);
    await older.until("\n\n");
    const server = await nth(stage.gets, 1);
    server.write(news("1"));
    await older.until("news/1");
    const newer = await listen(stage.session);
    await newer.until("\n\n");
    server.write(news("2"));
    await newer.until("news/2");
    older.leave();
    newer.leave();
    const again = await listen(stage.session, ownIds(older.text())[0] ?? "");
    await again.until("news/1");
    const other = await listen(stage.session, ownIds(newer.text())[0] ?? "");
    await other.until("news/2");
    assert.equal(withoutOwnText(again.text()), news("1"));
    assert.equal(withoutOwnText(other.text()), news("2"));
    again.leave();
    other.leave();
  });
});

describe("an event id", () => {
  it("of the server's never reaches a client, in initialize, answers or the GET stream", async () => {
    await using stage = await openStage();
    const stream = await listen(stage.session);
    (await nth(stage.gets, 1)).write(`id: secret-1\n${news("1")}`);
    await stream.until("news/1");
    const opening = stage.session.open({ body: call(1) });
    openEvents(await nth(stage.calls, 1)).end(`id:secret-2\r\ndata: ${result(1)}\r\n\r\n`);
    const answer = await opening;
    await answer.ended;
    stream.leave();
    assert.doesNotMatch(stream.text() + answer.text(), /secret/);
    assert.equal(new Set(ownIds(stream.text() + answer.text())).size, 3);
  });

  it("of another session gives none of its events, only an error for the request that it names", async () => {
    await using stage = await openStage({ args: quick });
    const other = await openSession(stage.holdfast.url);
    const early = await stage.session.open({ body: call(7) });
    await early.until("\n\n");
    const stolen = await listen(other, lastOwnId(early.text()));
    await stolen.ended;
    (await nth(stage.calls, 1)).writeHead(200, { "content-type": "application/json" }).end(result(7, "private"));
    await early.until("private");
    const { id, error } = JSON.parse(eventData(stolen.text())[0] ?? "{}");
    assert.deepEqual([id, error.data.code], [7, "ANSWER_NOT_KEPT"]);
    assert.doesNotMatch(stolen.text(), /private/);
    const again = await listen(other, lastOwnId(stolen.text()));
    await again.ended;
    assert.equal(again.status, 204);
  });

  it("of another session's GET stream opens one's own, with none of the other's events", async () => {
    await using stage = await openStage();
    const other = await openSession(stage.holdfast.url);
    const mine = await listen(stage.session);
    (await nth(stage.gets, 1)).write(news("private"));
    await mine.until("news/private");
    const stolen = await listen(other, ownIds(mine.text())[0] ?? "");
    (await nth(stage.gets, 2)).write(news("own"));
    await stolen.until("news/own");
    assert.doesNotMatch(stolen.text(), /private/);
    (await nth(stage.gets, 1)).write(news("more"));
    await mine.until("news/more");
    mine.leave();
    stolen.leave();
  });

  it("is of no use under another principal, who does not even find the session", async () => {
    await using stage = await openStage({ args: quick, headers: { authorization: "Bearer alice" } });
    const early = await stage.session.open({ body: call(7) });
    await early.until("\n\n");
    const headers = { authorization: "Bearer mallory", "last-event-id": lastOwnId(early.text()) };
    const { status, text } = await stage.session.send({ method: "GET", headers });
    assert.deepEqual([status, JSON.parse(text).error.data.code], [404, "UNKNOWN_SESSION"]);
    early.leave();
  });

  it("that was never given is told so, whatever it looks like", async () => {
    await using stage = await openStage();
    for (const made of ["x", "a", "a12345678.1", "aAAAAAAAAAAAA.99999.IjEi", "s12345678.1.end", "a12345678.1.e30"]) {
      const answer = await stage.session.open({ method: "GET", headers: { "last-event-id": made } });
      assert.ok([200, 204].includes(answer.status), `${made}: ${answer.status}`);
      answer.leave();
    }
  });
});

describe("a session that ends", () => {
  it("takes its streams and what they kept along", async () => {
    await using stage = await openStage({ args: quick });
    const early = await stage.session.open({ body: call(7) });
    await early.until("\n\n");
    early.leave();
    await early.ended;
    let closed = false;
    (await nth(stage.calls, 1)).once("close", () => {
      closed = true;
    });
    await stage.session.send({ method: "DELETE" });
    const back = await listen(stage.session, lastOwnId(early.text()));
    assert.equal(back.status, 404);
    await eventually(() => closed || undefined, "the call's connection closed");
  });
});
