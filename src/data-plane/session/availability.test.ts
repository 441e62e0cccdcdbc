// Drives the one prober with a scripted server: who is released when, and how often is asked. The wire is a script; timers are the test's own.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Reply, Transport, WireRequest } from "../transport/index.ts";
import { Availability, type Away } from "./availability.ts";

type Answer = number | "refused" | "dropped" | "silent";

/** A server that gives these answers in turn, the last one for ever. */
class Script implements Transport {
  readonly origin = "http://scripted";
  readonly probesAtMs: number[] = [];
  readonly requests: WireRequest[] = [];
  /** Probes that have no answer yet. */
  pending = 0;
  mostPending = 0;
  readonly #answers: Answer[];
  readonly #nowMs: () => number;

  constructor(answers: readonly Answer[], nowMs: () => number) {
    this.#answers = [...answers];
    this.#nowMs = nowMs;
  }

  from(...answers: readonly Answer[]): void {
    this.#answers.splice(0, this.#answers.length, ...answers);
  }

  async send(request: WireRequest): Promise<Reply> {
    this.probesAtMs.push(this.#nowMs());
    this.requests.push(request);
    this.pending += 1;
    this.mostPending = Math.max(this.mostPending, this.pending);
    const answer = (this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]) ?? "refused";
    if (answer === "silent") await new Promise(() => {});
    this.pending -= 1;
    if (answer === "refused") return lost("nothing", "ECONNREFUSED");
    if (answer === "dropped") return lost("maybe", "CONNECTION_CLOSED");
    return { kind: "reply", status: Number(answer), headers: {}, body };
  }

  sendTo(): Promise<Reply> {
    return Promise.reject(new Error("not part of this script"));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const lost = (sent: "nothing" | "maybe", code: string): Reply => ({
  kind: "lost",
  sent,
  cause: Object.assign(new Error(code), { code }),
});

const body = {
  arrived: [],
  complete: true,
  ready: () => Promise.resolve(),
  pipe: () => {},
  resume: () => {},
  abort: () => {},
};

let nowMs = 0;
const clock = () => nowMs;

/** Lets time pass millisecond by millisecond, and everything that becomes due run. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1) {
    nowMs += 1;
    mock.timers.tick(1);
    await turn();
  }
}

function away(...answers: readonly Answer[]): { readonly script: Script; readonly availability: Availability } {
  const script = new Script(answers, clock);
  const availability = new Availability(script, clock);
  availability.failed("UPSTREAM_REFUSED_CONNECTION", "It was refused.");
  return { script, availability };
}

/** What has become of a wait, without waiting for it. */
interface Watched {
  outcome: "up" | Away | undefined;
}

function watch(wait: Promise<"up" | Away>): Watched {
  const seen: Watched = { outcome: undefined };
  void wait.then((outcome) => {
    seen.outcome = outcome;
  });
  return seen;
}

/** Why a wait was given up; undefined while it lasts or if it ended well. */
const reason = ({ outcome }: Watched): Away | undefined => (outcome === "up" ? undefined : outcome);

describe("the availability of a server", () => {
  beforeEach(() => {
    nowMs = 1_000;
    mock.timers.enable({ apis: ["setTimeout"] });
  });
  afterEach(() => {
    mock.reset();
  });

  it("costs nothing while no exchange has failed", async () => {
    const script = new Script(["refused"], clock);
    assert.equal(await new Availability(script, clock).up(nowMs + 100), "up");
    assert.equal(script.probesAtMs.length, 0);
  });

  it("is asked by one prober, however many wait", async () => {
    const { script, availability } = away("refused");
    const waits = Array.from({ length: 50 }, () => watch(availability.up(nowMs + 5_000)));
    await pass(1_000);
    assert.equal(script.mostPending, 1);
    assert.ok(script.probesAtMs.length < 12, `${script.probesAtMs.length} probes in a second`);
    script.from(405);
    await pass(600);
    assert.deepEqual(new Set(waits.map(({ outcome }) => outcome)), new Set(["up"]));
  });

  it("is asked with a request that changes nothing and names no session", async () => {
    const { script, availability } = away(401);
    assert.equal(await availability.up(nowMs + 100), "up");
    assert.deepEqual(
      script.requests.map(({ method, headers }) => [method, headers]),
      [["OPTIONS", []]],
    );
  });

  it("releases who waits at the first proof of another exchange", async () => {
    const { availability } = away("refused");
    const wait = watch(availability.up(nowMs + 5_000));
    await pass(10);
    availability.answered();
    await pass(1);
    assert.equal(wait.outcome, "up");
    assert.equal(availability.away, undefined);
  });

  it("ends each wait at its own deadline, with what was last seen", async () => {
    const { availability } = away("refused", 503);
    const [soon, late] = [watch(availability.up(nowMs + 100)), watch(availability.up(nowMs + 900))];
    await pass(99);
    assert.equal(soon.outcome, undefined);
    await pass(3);
    assert.equal(reason(soon)?.code, "UPSTREAM_UNAVAILABLE");
    assert.equal(late.outcome, undefined);
    await pass(800);
    assert.equal(reason(late)?.status, 503);
  });

  it("ends a wait at its deadline also while a probe hangs", async () => {
    const { availability } = away("silent");
    const wait = watch(availability.up(nowMs + 200));
    await pass(202);
    assert.equal(reason(wait)?.code, "UPSTREAM_REFUSED_CONNECTION");
  });

  it("answers at once when the deadline has passed already, and asks once for who comes later", async () => {
    const { script, availability } = away(204);
    assert.notEqual(await availability.up(nowMs), "up");
    await pass(1);
    assert.equal(script.probesAtMs.length, 1);
    assert.equal(availability.away, undefined);
  });

  it("is asked by ping as well, outside any session, where OPTIONS has been in vain four times", async () => {
    const { script, availability } = away("dropped");
    Object.assign(script, { wire: "Streamable HTTP" });
    const wait = watch(availability.up(nowMs + 60_000));
    while (script.requests.length < 8) await pass(1);
    const methods = script.requests.slice(0, 8).map(({ method }) => method);
    assert.deepEqual(methods, ["OPTIONS", "OPTIONS", "OPTIONS", "OPTIONS", "OPTIONS", "POST", "OPTIONS", "POST"]);
    const { body, headers } = script.requests[5] as WireRequest;
    assert.equal(JSON.parse((body as Buffer).toString()).method, "ping");
    assert.ok(!headers.includes("mcp-session-id"));
    availability.answered();
    await pass(1);
    assert.equal(wait.outcome, "up");
  });

  it("is asked with the connector's own headers, by which a gateway may find the server", async () => {
    const script = new Script([204], clock);
    const availability = new Availability(script, clock, () => {}, ["x-tenant", "a"]);
    availability.failed("UPSTREAM_UNAVAILABLE", "It answers 503.", 503);
    assert.equal(await availability.up(nowMs + 300), "up");
    assert.deepEqual(script.requests[0]?.headers, ["x-tenant", "a"]);
  });

  it("keeps asking no longer than somebody waits, and begins anew for the next", async () => {
    const { script, availability } = away("refused");
    const first = watch(availability.up(nowMs + 300));
    await pass(1_000);
    assert.notEqual(first.outcome, undefined);
    const asked = script.probesAtMs.length;
    await pass(2_000);
    assert.equal(script.probesAtMs.length, asked);
    script.from(200);
    const second = watch(availability.up(nowMs + 300));
    await pass(2);
    assert.equal(second.outcome, "up");
  });

  it("says since when the server is away, not when it was last asked", async () => {
    const { availability } = away("refused");
    const wait = watch(availability.up(nowMs + 500));
    await pass(502);
    assert.equal(reason(wait)?.sinceMs, 1_000);
  });

  for (const [name, answer] of [
    ["refuses", "refused"],
    ["takes a connection and drops it", "dropped"],
    ["is answered for by a gateway with 502", 502],
    ["is answered for by a gateway with 530", 530],
  ] as const) {
    it(`is away while the server ${name}`, async () => {
      const { availability } = away(answer);
      const wait = watch(availability.up(nowMs + 300));
      await pass(302);
      assert.notEqual(wait.outcome, "up");
    });
  }

  for (const status of [200, 204, 400, 401, 404, 405, 500, 504]) {
    it(`is there when the server answers ${status}`, async () => {
      assert.equal(await away(status).availability.up(nowMs + 300), "up");
    });
  }

  for (const [luck, factor] of [
    [0, 0.8],
    [0.5, 1],
    [0.999_999, 1.2],
  ] as const) {
    it(`asks in doubling steps from 40 to 400 ms, times ${factor} at the luck of ${luck}`, async () => {
      mock.method(Math, "random", () => luck);
      const { script, availability } = away("refused");
      const wait = watch(availability.up(nowMs + 60_000));
      await pass(2_500);
      assert.equal(wait.outcome, undefined);
      const times = script.probesAtMs;
      const gaps = times.slice(1, 7).map((atMs, index) => atMs - (times[index] ?? 0));
      const steps = [40, 80, 160, 320, 400, 400];
      for (const [index, step] of steps.entries())
        assert.ok(Math.abs((gaps[index] ?? 0) - step * factor) <= 2, `step ${index}: ${gaps.join(", ")}`);
      availability.answered();
    });
  }

  it("holds back whoever met trouble although it was told that the server is up, each time for longer", async () => {
    const { script, availability } = away(204);
    const pauses: number[] = [];
    for (let inVain = 0; inVain < 10; inVain++) {
      const sinceMs = nowMs;
      const wait = watch(availability.up(nowMs + 60_000, inVain));
      while (wait.outcome === undefined) await pass(1);
      assert.equal(wait.outcome, "up");
      pauses.push(nowMs - sinceMs);
      availability.failed("UPSTREAM_UNAVAILABLE", "It answers 503.", 503);
    }
    assert.ok((pauses[0] ?? 0) < 10, String(pauses));
    assert.ok(
      pauses.slice(1, 8).every((ms, index) => ms >= 0.7 * 40 * 2 ** index),
      String(pauses),
    );
    assert.ok(Math.max(...pauses) <= 4_000 * 1.2 + 10, String(pauses));
    assert.equal(script.probesAtMs.length, 10);
  });

  it("tells whoever is held back what it met when its time is over, also where others were answered, and when Holdfast ends", async () => {
    for (const end of ["deadline", "stop"]) {
      const { availability } = away(204);
      const wait = watch(availability.up(nowMs + (end === "stop" ? 60_000 : 500), 8));
      await pass(20);
      availability.answered();
      if (end === "stop") availability.stop();
      await pass(end === "stop" ? 1 : 500);
      assert.equal(reason(wait)?.code, "UPSTREAM_REFUSED_CONNECTION");
    }
  });
});
