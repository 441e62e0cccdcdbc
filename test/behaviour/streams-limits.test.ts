// Promises about what streams cost: how much is kept for a client that is away, for how long, what a reader that does not read may take, what idle
// streams are given.
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { ownIds, withoutOwnText } from "../support/own-ids.ts";
import { eventData, openSession } from "../support/raw-client.ts";
import { openEvents } from "../support/raw-server.ts";
import { growthDuring } from "../support/resident-memory.ts";
import { eventually } from "./recovery-scene.ts";
import { call, lastOwnId, listen, news, nth, openStage, progress, result, type Stage } from "./streams-scene.ts";

/** Progress notifications that a client reads, and then comes back for from the first on; the answer is the last event. */
async function readAndReturn(stage: Stage, events: readonly string[], whole = false): Promise<string[]> {
  const opening = stage.session.open({ body: call(1) });
  const answer = openEvents(await nth(stage.calls, 1));
  answer.write(progress(0));
  const stream = await opening;
  await stream.until("\n\n");
  const [from = ""] = ownIds(stream.text());
  for (const event of events) answer.write(event);
  answer.end(`data: ${result(1)}\n\n`);
  await stream.ended;
  const again = await listen(stage.session, from);
  await again.ended;
  return whole ? [again.text()] : eventData(again.text());
}

const steps = (text: readonly string[]) => text.map((json) => JSON.parse(json).params?.progress ?? "answer");

describe("what is kept of one stream", () => {
  it("is as many events as --stream-keep-events says", async () => {
    await using stage = await openStage({ args: ["--stream-keep-events", "3"] });
    assert.deepEqual(steps(await readAndReturn(stage, [progress(1), progress(2)])), [1, 2, "answer"]);
  });

  it("is the newest of them where there was one more", async () => {
    await using stage = await openStage({ args: ["--stream-keep-events", "3"] });
    assert.deepEqual(steps(await readAndReturn(stage, [progress(1), progress(2), progress(3)])), [2, 3, "answer"]);
  });

  const big = (bytes: number) =>
    `data: {"jsonrpc":"2.0","method":"n","params":{"progress":"big","x":"${"x".repeat(bytes)}"}}\n\n`;

  it("is as many bytes as --stream-keep-bytes says", async () => {
    await using stage = await openStage({ args: ["--stream-keep-bytes", "5000"] });
    assert.deepEqual(steps(await readAndReturn(stage, [big(2_000), big(2_000)])), ["big", "big", "answer"]);
  });

  it("is the newest of them where there were more", async () => {
    await using stage = await openStage({ args: ["--stream-keep-bytes", "5000"] });
    assert.deepEqual(steps(await readAndReturn(stage, [big(3_000), big(3_000)])), ["big", "answer"]);
  });

  it("is exactly that many, and the oldest event goes for one byte less", async () => {
    const kept = async (bytes: number): Promise<string> => {
      await using stage = await openStage({ args: ["--stream-keep-bytes", String(bytes)] });
      return (await readAndReturn(stage, [big(500), big(500)], true)).join("");
    };
    const all = await kept(100_000);
    assert.equal(await kept(all.length).then(withoutOwnText), withoutOwnText(all));
    assert.equal(eventData(await kept(all.length - 1)).length, 2);
  });

  it("is nothing of an answer that is larger, and the client is told so", async () => {
    await using stage = await openStage({ args: ["--stream-keep-bytes", "100000", "--stream-open-after", "0.1"] });
    const early = await stage.session.open({ body: call(1) });
    await early.until("\n\n");
    const json = result(1, "x".repeat(300_000));
    (await nth(stage.calls, 1)).writeHead(200, { "content-type": "application/json" }).end(json);
    await early.ended;
    assert.deepEqual(eventData(early.text()), [json]);
    const again = await listen(stage.session, ownIds(early.text())[0] ?? "");
    await again.ended;
    const { id, error } = JSON.parse(eventData(again.text())[0] ?? "{}");
    assert.deepEqual([id, error.data.code], [1, "ANSWER_NOT_KEPT"]);
  });
});

describe("what is kept of all streams", () => {
  for (const [name, total, expected] of [
    ["is kept while it is within --stream-keep-total", "6000", 200],
    ["loses its oldest events beyond it, of whichever stream", "4000", "ANSWER_NOT_KEPT"],
  ] as const) {
    it(name, async () => {
      await using stage = await openStage({ args: ["--stream-keep-total", total] });
      const ids: string[] = [];
      for (const [index, which] of ["first", "second"].entries()) {
        const opening = stage.session.open({ body: call(which) });
        openEvents(await nth(stage.calls, index + 1)).end(
          `${progress(1)}data: ${result(which, "x".repeat(1_800))}\n\n`,
        );
        const stream = await opening;
        await stream.ended;
        ids.push(ownIds(stream.text())[0] ?? "");
      }
      const again = await listen(stage.session, ids[0]);
      await again.ended;
      const message = JSON.parse(eventData(again.text())[0] ?? "{}");
      assert.equal(message.error?.data.code ?? 200, expected);
      const newer = await listen(stage.session, ids[1]);
      await newer.ended;
      assert.equal(JSON.parse(eventData(newer.text())[0] ?? "{}").id, "second");
    });
  }
});

describe("a client that stays away", () => {
  const args = ["--stream-keep", "1", "--stream-open-after", "0.1"];

  it("has its answer before --stream-keep has passed, and an error after it", async () => {
    await using stage = await openStage({ args });
    const early = await stage.session.open({ body: call(1) });
    await early.until("\n\n");
    early.leave();
    await early.ended;
    (await nth(stage.calls, 1)).writeHead(200, { "content-type": "application/json" }).end(result(1));
    const soon = await listen(stage.session, lastOwnId(early.text()));
    await soon.ended;
    assert.deepEqual(eventData(soon.text()), [result(1)]);
    await eventually(async () => {
      const late = await listen(stage.session, lastOwnId(early.text()));
      await late.ended;
      return late.text().includes("ANSWER_NOT_KEPT") || undefined;
    }, "the answer given up");
  });

  it("for good has its call broken off at the server, which is not taken to be away for it", async () => {
    await using stage = await openStage({ args });
    const early = await stage.session.open({ body: call(1) });
    await early.until("\n\n");
    const answer = await nth(stage.calls, 1);
    const closed = once(answer, "close");
    const leftMs = performance.now();
    early.leave();
    await closed;
    assert.ok(performance.now() - leftMs > 900, "it was kept for the time that was asked for");
    const next = stage.session.post(call(2));
    (await nth(stage.calls, 2)).writeHead(200, { "content-type": "application/json" }).end(result(2));
    assert.equal((await next).text, result(2));
    await stage.holdfast.stop();
    assert.equal(
      stage.holdfast.log().some(({ msg }) => msg === "server away"),
      false,
    );
  });

  it("from its GET stream for good has the server's closed", async () => {
    await using stage = await openStage({ args });
    const stream = await listen(stage.session);
    const closed = once(await nth(stage.gets, 1), "close");
    stream.leave();
    await closed;
  });
});

describe("an idle stream", () => {
  const args = ["--keep-alive", "0.3", "--stream-open-after", "0.1"];

  it("is given a comment now and then, be it a GET stream or an answer that takes long", async () => {
    await using stage = await openStage({ args });
    const streams = [await listen(stage.session), await stage.session.open({ body: call(1) })];
    for (const stream of streams) await stream.until(/(: keep-alive\n\n){3}$/);
    (await nth(stage.calls, 1)).writeHead(200, { "content-type": "application/json" }).end(result(1));
    await streams[1]?.ended;
    assert.deepEqual(eventData(streams[1]?.text() ?? ""), [result(1)]);
    streams[0]?.leave();
  });

  it("is given none while the server speaks", async () => {
    await using stage = await openStage({ args });
    const stream = await listen(stage.session);
    await stream.until("\n\n");
    const server = await nth(stage.gets, 1);
    for (let count = 0; count < 10; count += 1) {
      server.write(news(`${count}`));
      await stream.until(`news/${count}`);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    assert.doesNotMatch(stream.text(), /keep-alive/);
    stream.leave();
  });
});

describe("a reader that stops reading", () => {
  it("costs a bounded amount of memory while the server floods it, stops the server, and hangs nobody else", async () => {
    await using stage = await openStage();
    const other = await openSession(stage.holdfast.url);
    const slow = await stage.session.open(
      { method: "GET", headers: { accept: "text/event-stream" } },
      { paused: true },
    );
    const server = await nth(stage.gets, 1);
    const event = `data: {"jsonrpc":"2.0","method":"n","params":{"x":"${"x".repeat(50_000)}"}}\n\n`;
    let written = 0;
    let stopped = false;
    const grown = await growthDuring(stage.holdfast.pid(), async () => {
      for (let count = 0; count < 4_000 && !stopped; count += 1) {
        written += event.length;
        if (server.write(event)) continue;
        const drained = once(server, "drain").then(() => false);
        stopped = await Promise.race([drained, new Promise<true>((resolve) => setTimeout(() => resolve(true), 1_500))]);
      }
    });
    assert.ok(stopped, `the server could write ${written} bytes`);
    assert.ok(grown < 60 * 1024 * 1024, `${grown} bytes more`);
    const answered = other.post(call(1));
    (await nth(stage.calls, 1)).writeHead(200, { "content-type": "application/json" }).end(result(1));
    assert.equal((await answered).text, result(1));
    slow.leave();
  });
});

describe("SIGTERM while the client of a call is away", { timeout: 30_000 }, () => {
  const args = ["--stream-open-after", "0.1"];
  const isDraining = async (stage: Stage): Promise<true | undefined> => {
    const answer = await fetch(`${new URL(stage.holdfast.url).origin}/healthz`);
    await answer.text();
    return answer.status === 503 || undefined;
  };
  /** The call is at the server, its client has left, and Holdfast has been told to end. */
  const draining = async (stage: Stage) => {
    const early = await stage.session.open({ body: call(1) });
    await early.until("\n\n");
    const answer = await nth(stage.calls, 1);
    early.leave();
    await early.ended;
    const stopped = stage.holdfast.stop();
    await eventually(() => isDraining(stage), "the drain has begun");
    return { lastId: lastOwnId(early.text()), answer, stopped };
  };
  const rest = async (stage: Stage, lastId: string): Promise<string> => {
    await stage.holdfast.restart();
    const stream = await listen(stage.session, lastId);
    await stream.ended;
    return eventData(stream.text()).join();
  };

  it("waits for the answer, which the client is given after the next start where streams are durable", async () => {
    await using stage = await openStage({ args: [...args, "--durable-streams"] });
    const { lastId, answer, stopped } = await draining(stage);
    answer.writeHead(200, { "content-type": "application/json" }).end(result(1, "kept"));
    assert.equal(await stopped, 0);
    assert.equal(await rest(stage, lastId), result(1, "kept"));
  });

  it("breaks the call off after --drain-timeout, and the client is told that its outcome is unknown", async () => {
    await using stage = await openStage({ args: [...args, "--durable-streams", "--drain-timeout", "1"] });
    const begunMs = performance.now();
    const { lastId, stopped } = await draining(stage);
    assert.equal(await stopped, 0);
    assert.ok(performance.now() - begunMs < 8_000);
    assert.match(await rest(stage, lastId), /"id":1,"error":.*OUTCOME_UNKNOWN/);
  });

  it("lets the server finish the call also where nobody can come back for it", async () => {
    await using stage = await openStage({ args });
    const { answer, stopped } = await draining(stage);
    assert.equal(answer.destroyed, false);
    const finished = once(answer, "finish");
    answer.writeHead(200, { "content-type": "application/json" }).end(result(1));
    await finished;
    assert.equal(await stopped, 0);
  });
});
