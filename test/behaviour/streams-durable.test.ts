// Promises of --durable-streams: what streams said outlives a SIGKILL of Holdfast, and ends with the session.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { ownIds, withoutOwnText } from "../support/own-ids.ts";
import { eventData, openSession } from "../support/raw-client.ts";
import { openEvents } from "../support/raw-server.ts";
import { eventually, openScene } from "./recovery-scene.ts";
import { call, lastOwnId, listen, news, nth, openStage, progress, result } from "./streams-scene.ts";

const durable = ["--durable-streams", "--stream-open-after", "0.1"];

function rows(dataDir: string, sql: string): number {
  using database = new DatabaseSync(join(dataDir, "holdfast.db"), { readOnly: true });
  return Number(Object.values(database.prepare(sql).get() ?? {})[0]);
}

describe("a stream of which the client missed a part when Holdfast was killed", () => {
  it("brings an answer that came while the client was away", async () => {
    await using stage = await openStage({ args: durable });
    const { holdfast, session } = stage;
    const early = await session.open({ body: call(1) });
    await early.until("\n\n");
    early.leave();
    await early.ended;
    (await nth(stage.calls, 1)).writeHead(200, { "content-type": "application/json" }).end(result(1, "kept"));
    await eventually(() => rows(holdfast.dataDir, "select over from stream") || undefined, "the answer on disk");
    await holdfast.restart();
    const rest = await listen(session, lastOwnId(early.text()));
    await rest.ended;
    assert.deepEqual(eventData(rest.text()), [result(1, "kept")]);
    const end = await listen(session, lastOwnId(rest.text()));
    assert.equal(end.status, 204);
  });

  it("has every event on disk before the client is given it", async () => {
    await using stage = await openStage({ args: durable });
    const { holdfast, session } = stage;
    const opening = session.open({ body: call(1) });
    const answer = openEvents(await nth(stage.calls, 1));
    answer.write(progress(1));
    const stream = await opening;
    await stream.until('"progress":1');
    for (let step = 2; step <= 20; step += 1) answer.write(progress(step));
    await stream.until('"progress":20}');
    await holdfast.restart();
    const rest = await listen(session, ownIds(stream.text())[0] ?? "");
    await rest.ended;
    const messages = eventData(rest.text()).map((json) => JSON.parse(json));
    const steps = Array.from({ length: 19 }, (_, index) => index + 2);
    assert.deepEqual(
      messages.map(({ params, error }) => params?.progress ?? error.data.code),
      [...steps, "OUTCOME_UNKNOWN"],
    );
    assert.equal(messages.at(-1).id, 1);
    assert.equal(stage.server.seen.filter(({ body }) => body.includes("tools/call")).length, 1);
  });

  it("goes on at a server that resumes, with the server's own event id", async () => {
    await using scene = await openScene({ args: durable, chaos: { resumable: true } });
    const session = await openSession(scene.holdfast.url);
    const params = { name: "progress", arguments: { steps: 12, everyMs: 150 }, _meta: { progressToken: "p" } };
    const torn = await session.open({ body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }) });
    await torn.until('"progress":2');
    await scene.holdfast.restart();
    const rest = await listen(session, lastOwnId(torn.text()));
    await rest.ended;
    const messages = [...eventData(torn.text()), ...eventData(rest.text())].map((json) => JSON.parse(json));
    const steps = messages.flatMap(({ params }) => params?.progress ?? []);
    assert.deepEqual(
      steps,
      Array.from({ length: 12 }, (_, index) => index + 1),
    );
    assert.equal(messages.at(-1).result.content[0].text, "12 steps done");
    assert.deepEqual((await scene.state()).executions["progress"], { "": 1 });
  });

  it("of the session's own goes on behind what was kept", async () => {
    await using stage = await openStage({ args: durable });
    const { holdfast, session } = stage;
    const before = await listen(session);
    (await nth(stage.gets, 1)).write(news("1") + news("2"));
    await before.until("news/2");
    await holdfast.restart();
    const [, first = ""] = ownIds(before.text());
    const after = await listen(session, first);
    (await nth(stage.gets, 2)).write(news("3"));
    await after.until("news/3");
    assert.equal(withoutOwnText(after.text()), news("2") + news("3"));
    after.leave();
  });

  it("is an error at once where streams are kept in memory only", async () => {
    await using stage = await openStage({ args: ["--stream-open-after", "0.1"] });
    const early = await stage.session.open({ body: call("x") });
    await early.until("\n\n");
    await stage.holdfast.restart();
    const rest = await listen(stage.session, lastOwnId(early.text()));
    await rest.ended;
    const { id, error } = JSON.parse(eventData(rest.text())[0] ?? "{}");
    assert.deepEqual([id, error.data.code], ["x", "ANSWER_NOT_KEPT"]);
  });
});

describe("what is on disk of a stream", () => {
  it("goes with its session, rows and bytes", async () => {
    await using stage = await openStage({ args: durable });
    const { holdfast, session } = stage;
    const early = await session.open({ body: call(1) });
    await early.until("\n\n");
    (await nth(stage.calls, 1))
      .writeHead(200, { "content-type": "application/json" })
      .end(result(1, "the-secret-of-the-stream"));
    await early.ended;
    assert.equal(rows(holdfast.dataDir, "select count(*) from stream_event"), 1);
    await session.send({ method: "DELETE" });
    assert.equal(
      rows(holdfast.dataDir, "select (select count(*) from stream) + (select count(*) from stream_event)"),
      0,
    );
    await holdfast.stop();
    const left = ["holdfast.db", "holdfast.db-wal"].flatMap((name) => {
      try {
        return [readFileSync(join(holdfast.dataDir, name), "latin1")];
      } catch {
        return [];
      }
    });
    assert.ok(left.length > 0 && left.every((bytes) => !bytes.includes("the-secret-of-the-stream")));
  });

  it("goes after --stream-keep", async () => {
    await using stage = await openStage({ args: [...durable, "--stream-keep", "1"] });
    const { holdfast, session } = stage;
    const early = await session.open({ body: call(1) });
    await early.until("\n\n");
    (await nth(stage.calls, 1)).writeHead(200, { "content-type": "application/json" }).end(result(1));
    await early.ended;
    await holdfast.restart();
    await eventually(() => rows(holdfast.dataDir, "select count(*) = 0 from stream") || undefined, "no stream on disk");
  });

  it("keeps to --stream-keep-events", async () => {
    await using stage = await openStage({ args: [...durable, "--stream-keep-events", "3"] });
    const { holdfast, session } = stage;
    const stream = await listen(session);
    const server = await nth(stage.gets, 1);
    for (let count = 1; count <= 6; count += 1) server.write(news(`${count}`));
    await stream.until("news/6");
    await eventually(
      () => rows(holdfast.dataDir, "select count(*) = 3 from stream_event") || undefined,
      "three events on disk",
    );
    await holdfast.restart();
    const again = await listen(session, ownIds(stream.text())[0] ?? "");
    await again.until("news/6");
    assert.equal(withoutOwnText(again.text()), news("4") + news("5") + news("6"));
    again.leave();
  });
});
