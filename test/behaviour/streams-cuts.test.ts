// Property: wherever a connection is cut, and however often, a client that comes back with the last id it read has each event once and in order.
import assert from "node:assert/strict";
import { request } from "node:http";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { ownIds } from "../support/own-ids.ts";
import { eventData, type RawSession } from "../support/raw-client.ts";
import { openEvents } from "../support/raw-server.ts";
import { call, nth, openStage, type Stage } from "./streams-scene.ts";

interface Read {
  /** Whole events only: what follows the last blank line is lost with the connection. */
  readonly events: string;
  readonly ended: boolean;
}

/** Reads a stream up to that byte, then breaks the connection. */
function readUpTo(session: RawSession, bytes: number, lastEventId: string): Promise<Read> {
  return new Promise((resolve, reject) => {
    const headers = { ...session.headers, accept: "text/event-stream", "last-event-id": lastEventId };
    const asked = request(session.url, { method: "GET", headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const finish = (ended: boolean) => {
        const text = Buffer.concat(chunks).subarray(0, bytes).toString("latin1");
        asked.destroy();
        resolve({ events: wholeEvents(text), ended });
      };
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size >= bytes) finish(false);
      });
      response.on("end", () => finish(true));
      response.on("error", () => {});
    });
    asked.on("error", reject);
    asked.end();
  });
}

function wholeEvents(text: string): string {
  const end = text.lastIndexOf("\n\n");
  return end < 0 ? "" : text.slice(0, end + 2);
}

const message = (index: number, size: number, last: boolean) =>
  last
    ? `{"jsonrpc":"2.0","id":1,"result":{"n":${index}}}`
    : `{"jsonrpc":"2.0","method":"n","params":{"n":${index},"x":"${"x".repeat(size)}"}}`;

interface Plan {
  readonly sizes: readonly number[];
  readonly cuts: readonly number[];
  readonly pauses: readonly number[];
  readonly serverIds: boolean;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  sizes: fc.array(fc.oneof({ weight: 8, arbitrary: fc.nat(300) }, fc.constantFrom(20_000, 70_000, 150_000)), {
    minLength: 1,
    maxLength: 12,
  }),
  cuts: fc.array(fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 90_000 })), { maxLength: 8 }),
  pauses: fc.array(fc.nat(4), { minLength: 1, maxLength: 12 }),
  serverIds: fc.boolean(),
});

/** Plays the plan; resolves with the messages that the client has read in the end. */
async function play(stage: Stage, asked: number, { sizes, cuts, pauses, serverIds }: Plan): Promise<readonly string[]> {
  const { session } = stage;
  let text = "";
  const opening = nth(stage.calls, asked);
  const reading = (async () => {
    // Without any id there is nothing to come back with, so the first connection lasts for one event at least.
    const began = await readEvent(session, call(1));
    text += began;
    for (const cut of [...cuts, Number.MAX_SAFE_INTEGER]) {
      const { events, ended } = await readUpTo(session, cut, ownIds(text).at(-1) ?? "");
      text += events;
      if (ended) return;
    }
  })();
  const answer = openEvents(await opening);
  for (const [index, size] of sizes.entries()) {
    const id = serverIds ? `id: server-${index}\n` : "";
    answer.write(`${id}data: ${message(index, size, false)}\n\n`);
    await new Promise((resolve) => setTimeout(resolve, pauses[index % pauses.length]));
  }
  answer.end(`data: ${message(sizes.length, 0, true)}\n\n`);
  await reading;
  return eventData(text);
}

async function readEvent(session: RawSession, body: string): Promise<string> {
  const stream = await session.open({ body });
  await stream.until("\n\n");
  stream.leave();
  return wholeEvents(stream.text());
}

describe("an answer whose connection is cut at any byte, any number of times", () => {
  it("arrives whole, each event once and in order", async () => {
    await using stage = await openStage({ args: ["--stream-open-after", "0.03"] });
    let asked = 0;
    await fc.assert(
      fc.asyncProperty(plan, async (one) => {
        asked += 1;
        const expected = [
          ...one.sizes.map((size, index) => message(index, size, false)),
          message(one.sizes.length, 0, true),
        ];
        assert.deepEqual(await play(stage, asked, one), expected);
      }),
      { numRuns: 40 },
    );
  });
});
