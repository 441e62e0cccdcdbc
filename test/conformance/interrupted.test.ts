// The suite in all four meetings of eras while the server dies and comes back, and then Holdfast. Only what is under way at that very moment may fail:
// a tool call that was cut is not run twice, and a client whose proxy died sees its connection break.
import assert from "node:assert/strict";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startHoldfast } from "../support/holdfast.ts";
import { lastingPort } from "../support/process.ts";
import { expectedOf, type Pair } from "./expected-failures.ts";
import { legacyRequirements, modernRequirements, type Requirements } from "./scenarios.ts";
import { type FixtureEra, runSuite, startFixture } from "./suite.ts";

/** Far enough in that some scenarios are over, and early enough that others follow. */
const requestsBeforeServerDies = 12;
const requestsBeforeHoldfastDies = 30;
/** One scenario is under way when the server dies, and one when Holdfast does. */
const mostFailing = 2;

interface PatientPort extends AsyncDisposable {
  readonly port: number;
  /** Breaks every connection at the moment the restart begins, and lets those that come meanwhile wait until it is over. */
  during(restart: () => Promise<void>): Promise<void>;
}

/**
 * What any client does that finds its proxy away: it connects again. The suite would fail the rest of its run within milliseconds. The connections break
 * together: the suite keeps several, and would send the next scenario into one whose end it has not read yet.
 */
async function patientPort(target: number): Promise<PatientPort> {
  const sockets = new Set<Socket>();
  let isThere: Promise<void> = Promise.resolve();
  const kept = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => {}).once("close", () => sockets.delete(socket));
  };
  const server = createServer((socket) => {
    const client = kept(socket);
    void isThere.then(() => {
      if (client.destroyed) return;
      const upstream = kept(connect(target, "127.0.0.1"));
      client.pipe(upstream).pipe(client);
      client.once("close", () => upstream.destroy());
      upstream.once("close", () => client.destroy());
    });
  });
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    during(restart) {
      isThere = restart();
      breakAll();
      return isThere;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      breakAll();
      await closed;
    },
  };
}

async function interrupted(
  era: FixtureEra,
  { revision, scored }: Requirements,
  pair: Pair,
): Promise<readonly string[]> {
  const port = await lastingPort();
  let fixture = await startFixture(era, port);
  try {
    await using holdfast = await startHoldfast(fixture.url);
    const requests = async (count: number) => {
      while (holdfast.log().filter((line) => line["msg"] === "mcp request").length < count) await delay(20);
    };
    await using front = await patientPort(holdfast.port);
    const suite = runSuite(holdfast.url.replace(`:${holdfast.port}/`, `:${front.port}/`), revision);
    await requests(requestsBeforeServerDies);
    await fixture[Symbol.asyncDispose]();
    fixture = await startFixture(era, port);
    await requests(requestsBeforeHoldfastDies);
    await front.during(() => holdfast.restart());
    const { scenarios } = await suite;
    assert.deepEqual(
      scored.filter((name) => !scenarios.has(name)),
      [],
    );
    return scored.filter((name) => {
      const failed = scenarios.get(name)?.failures.map((failure) => failure.split(":", 1)[0] ?? "") ?? [];
      return failed.some((check) => !expectedOf(pair, name).includes(check));
    });
  } finally {
    await fixture[Symbol.asyncDispose]();
  }
}

describe("the conformance suite, while the server is killed and then Holdfast", () => {
  for (const [pair, era, requirements] of [
    ["LL", "legacy", legacyRequirements],
    ["LM", "modern", legacyRequirements],
    ["ML", "legacy", modernRequirements],
    ["MM", "modern", modernRequirements],
  ] as const)
    it(`misses in ${pair} no more than what was under way`, { timeout: 120_000 }, async (context) => {
      const failing = await interrupted(era, requirements, pair);
      context.diagnostic(`failing: ${failing.join(", ") || "none"}`);
      assert.ok(failing.length <= mostFailing, failing.join(", "));
    });
});
