// How much of the requests in flight is kept for a replay: the limit over all of them and one past it, and what is counted.
import assert from "node:assert/strict";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { type HoldfastOptions, startHoldfast } from "../../src/index.ts";
import { temporaryDirectory } from "../support/process.ts";
import { type Answer, openSession } from "../support/raw-client.ts";
import { answerJson, openEvents, startRawServer } from "../support/raw-server.ts";
import { eventually } from "./recovery-scene.ts";

const timeout = 30_000;
const totalBytes = 100_000;
const countedBytes = 20_000;
const uncountedBytes = 16 * 1024;
const answer = '{"jsonrpc":"2.0","id":1,"result":{}}';

/** A request of exactly that many bytes that may be sent again, whatever became of it. */
function requestOf(bytes: number, name: string): string {
  const head = `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"${name}:`;
  return `${head.padEnd(bytes - 3, "x")}"}}`;
}

/** Requests named "wait" wait until `answerAll`; all others are refused once, as those of a session that is gone. */
async function openStage(options: Partial<HoldfastOptions> = {}) {
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(await temporaryDirectory());
  const waiting: (() => void)[] = [];
  let forgotten = "";
  let refusals = 0;
  const server = resources.use(
    await startRawServer({
      respond: ({ headers, body }, response) => {
        if (body.includes('"uri":"wait')) {
          waiting.push(() => openEvents(response).end(`data: ${answer}\n\n`));
        } else if (headers["mcp-session-id"] === forgotten) {
          refusals += 1;
          response.writeHead(404).end("Session not found");
        } else answerJson(response, answer);
      },
    }),
  );
  const bridge = await startHoldfast({
    url: server.url,
    logTo: join(path, "log"),
    keepTotalBytes: totalBytes,
    drainTimeoutMs: 100,
    ...options,
  });
  resources.defer(() => bridge.close());
  const session = await openSession(bridge.url);
  const owned = resources.move();
  return {
    session,
    seen: server.seen,
    waiting: (count: number) => eventually(() => (waiting.length === count ? true : undefined), `${count} waiting`),
    answerAll: () => {
      for (const release of waiting.splice(0)) release();
    },
    /** Sends a request to a server that has just forgotten the session: "replayed" if it had been kept. */
    outcomeOf: async (bytes: number, name = "lost") => {
      // A session that the call before has lost is restored first, or this call would not meet a loss of its own.
      assert.equal((await session.post('{"jsonrpc":"2.0","id":1,"method":"ping"}')).text, answer);
      forgotten = server.sessionIds.at(-1) ?? "";
      const before = refusals;
      const { text } = await session.post(requestOf(bytes, name));
      assert.equal(refusals, before + 1);
      return text === answer ? "replayed" : (JSON.parse(text).error.data.code as unknown);
    },
    hold: (bytes: number, firstPiece = bytes) => {
      const body = requestOf(bytes, "wait");
      const pieces = [body.slice(0, firstPiece), body.slice(firstPiece)];
      return session.post(firstPiece === bytes ? body : Readable.from(pieces));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Without the ids of the events, which are Holdfast's own. */
const texts = async (answers: readonly Promise<Answer>[]) =>
  (await Promise.all(answers)).map(({ text }) => text.replaceAll(/^id: .*\n/gm, ""));

describe("what is kept of all requests in flight", { timeout }, () => {
  it("reaches the limit to the byte; one byte more is forwarded, and not sent again when its session is lost", async () => {
    await using stage = await openStage();
    const held = [1, 2, 3, 4].map(() => stage.hold(countedBytes));
    await stage.waiting(4);
    const left = totalBytes - 4 * countedBytes;
    assert.equal(await stage.outcomeOf(left), "replayed");
    assert.equal(await stage.outcomeOf(left + 1), "TOO_LARGE_TO_REPLAY");
    assert.equal(await stage.outcomeOf(left), "replayed");
    stage.answerAll();
    assert.deepEqual(await texts(held), Array(4).fill(`data: ${answer}\n\n`));
  });

  it("counts a body of unknown length too, and forwards whole what does not fit", async () => {
    await using stage = await openStage();
    const held = [1, 2, 3, 4, 5, 6, 7].map(() => stage.hold(countedBytes, 9_000));
    await stage.waiting(7);
    assert.equal(await stage.outcomeOf(countedBytes), "TOO_LARGE_TO_REPLAY");
    const body = requestOf(countedBytes, "wait");
    assert.equal(stage.seen.filter((seen) => seen.body.toString() === body).length, 7);
    stage.answerAll();
    assert.deepEqual(await texts(held), Array(7).fill(`data: ${answer}\n\n`));
  });

  it("gives up what a body had taken of it that then turned out not to fit", async () => {
    await using stage = await openStage();
    const held = [...[1, 2, 3, 4].map(() => stage.hold(countedBytes)), stage.hold(countedBytes * 2, countedBytes - 1)];
    await stage.waiting(5);
    assert.equal(await stage.outcomeOf(countedBytes), "replayed");
    stage.answerAll();
    assert.deepEqual(await texts(held), Array(5).fill(`data: ${answer}\n\n`));
  });

  it("leaves out bodies of up to 16 KiB", async () => {
    await using stage = await openStage({ keepTotalBytes: uncountedBytes });
    const held = [1, 2, 3].map(() => stage.hold(uncountedBytes));
    await stage.waiting(3);
    assert.equal(await stage.outcomeOf(uncountedBytes), "replayed");
    assert.equal(await stage.outcomeOf(uncountedBytes + 1), "TOO_LARGE_TO_REPLAY");
    stage.answerAll();
    await texts(held);
  });

  it("is free again once the exchanges are over, however they ended", async () => {
    await using stage = await openStage();
    const { session } = stage;
    const answered = [1, 2].map(() => stage.hold(countedBytes * 2));
    await stage.waiting(2);
    stage.answerAll();
    await texts(answered);
    // Malformed, and of a session that nobody knows.
    assert.equal((await session.post(`${requestOf(countedBytes * 4, "none")}]`)).status, 400);
    assert.equal((await session.post(requestOf(countedBytes * 4, "none"), { "mcp-session-id": "no" })).status, 404);
    await assertAllFree(stage);
  });

  it("is free again when the client leaves before its body is whole", async () => {
    await using stage = await openStage();
    const half = new Readable({ read() {} });
    const sent = stage.session.post(half, { "content-length": String(countedBytes * 4) });
    half.push(requestOf(countedBytes * 4, "none").slice(0, countedBytes * 3));
    await eventually(
      async () => ((await stage.outcomeOf(totalBytes)) === "TOO_LARGE_TO_REPLAY" ? true : undefined),
      "half a body is counted",
    );
    half.destroy(new Error("the client left"));
    await assert.rejects(sent);
    await assertAllFree(stage);
  });
});

/** The end of an exchange is seen here a moment after its client has seen it. */
function assertAllFree({ outcomeOf }: Awaited<ReturnType<typeof openStage>>): Promise<true> {
  return eventually(async () => ((await outcomeOf(totalBytes)) === "replayed" ? true : undefined), "all is free");
}
