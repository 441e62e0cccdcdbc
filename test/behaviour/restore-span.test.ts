// One span for each restore, as whoever registers a tracer provider through the OpenTelemetry API gets it.
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import {
  type Context,
  type ContextManager,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { startChaos } from "../../src/chaos/index.ts";
import { startHoldfast } from "../../src/index.ts";
import { temporaryDirectory } from "../support/process.ts";
import { type ChaosState, connect, errorCode, eventually, openScene, toolText } from "./recovery-scene.ts";

const timeout = 30_000;

interface SpanRecord {
  readonly tracer: string;
  readonly name: string;
  readonly kind: SpanKind | undefined;
  readonly attributes: Record<string, unknown>;
  status: SpanStatusCode;
  readonly startedMs: number;
  endedMs: number | undefined;
}

const spans: SpanRecord[] = [];

function startSpan(tracer: string, name: string, { kind, attributes }: SpanOptions = {}): Span {
  const startedMs = performance.now();
  const record: SpanRecord = {
    tracer,
    name,
    kind,
    attributes: { ...attributes },
    status: SpanStatusCode.UNSET,
    startedMs,
    endedMs: undefined,
  };
  spans.push(record);
  const span: Span = {
    spanContext: () => ({ traceId: "1".repeat(32), spanId: String(spans.length).padStart(16, "0"), traceFlags: 1 }),
    setAttribute: (key, value) => Object.assign(span, void (record.attributes[key] = value)),
    setAttributes: (more) => Object.assign(span, void Object.assign(record.attributes, more)),
    setStatus: ({ code }) => Object.assign(span, void (record.status = code)),
    end: () => void (record.endedMs = performance.now()),
    isRecording: () => record.endedMs === undefined,
    addEvent: () => span,
    addLink: () => span,
    addLinks: () => span,
    updateName: () => span,
    recordException: () => {},
  };
  return span;
}

const storage = new AsyncLocalStorage<Context>();
const contexts: ContextManager = {
  active: () => storage.getStore() ?? ROOT_CONTEXT,
  with: (active, run, self, ...args) => storage.run(active, () => run.apply(self, args)),
  bind: (_active, target) => target,
  enable: () => contexts,
  disable: () => contexts,
};

before(() => {
  process.env["OTEL_SERVICE_NAME"] = "holdfast-tests";
  assert.ok(context.setGlobalContextManager(contexts));
  const registered = trace.setGlobalTracerProvider({
    getTracer: (tracer) => ({
      startSpan: (name, options) => startSpan(tracer, name, options),
      startActiveSpan: () => assert.fail("not expected"),
    }),
  });
  assert.ok(registered);
});
after(() => {
  delete process.env["OTEL_SERVICE_NAME"];
  trace.disable();
  context.disable();
});
afterEach(() => void spans.splice(0));

async function openInside(recoveryWindowMs = 10_000) {
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(await temporaryDirectory());
  const chaos = await startChaos();
  resources.defer(() => chaos.close());
  const bridge = await startHoldfast({ url: chaos.url, name: "files", logTo: join(path, "log"), recoveryWindowMs });
  resources.defer(() => bridge.close());
  const client = await connect(bridge.url);
  const owned = resources.move();
  return {
    chaos,
    client,
    order: async (order: object) => {
      const answer = await fetch(chaos.controlUrl, { method: "POST", body: JSON.stringify(order) });
      assert.equal(answer.status, 200, await answer.text());
    },
    sessionIds: async () => {
      const state = (await (await fetch(chaos.controlUrl)).json()) as ChaosState;
      return [...state.sessions.list.map(({ id }) => id), client.sessionId];
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A span ends a moment after those who waited go on. */
const ended = (count: number) =>
  eventually(
    () => (spans.filter(({ endedMs }) => endedMs !== undefined).length === count ? spans : undefined),
    `${count} ended spans`,
  );

describe("the span of a restore", { timeout }, () => {
  it("is one for all calls that meet the loss, lasts as long, and tells how it went", async () => {
    await using inside = await openInside();
    await inside.order({ do: "forget", as: "404-json" });
    await inside.order({ do: "delay", ms: 120, methods: ["initialize"] });
    const answers = await Promise.all([1, 2, 3].map(() => inside.client.call("echo", { text: "x" })));
    assert.deepEqual(answers.map(toolText), ["x", "x", "x"]);
    const [span] = await ended(1);
    const { attributes, startedMs = 0, endedMs = 0, ...rest } = span ?? {};
    assert.equal(spans.length, 1);
    assert.deepEqual(rest, {
      tracer: "holdfast",
      name: "holdfast restore",
      kind: SpanKind.INTERNAL,
      status: SpanStatusCode.UNSET,
    });
    const { "holdfast.session.hash": hash, ...facts } = attributes ?? {};
    assert.match(String(hash), /^[0-9a-f]{12}$/);
    assert.deepEqual(facts, {
      "holdfast.connector": "files",
      "holdfast.restore.signal": "session-not-found",
      "holdfast.restore.generation": 2,
      "holdfast.restore.outcome": "restored",
      "mcp.protocol.version": "2025-11-25",
    });
    assert.ok(endedMs - startedMs >= 115, `${endedMs - startedMs} ms`);
  });

  it("holds neither a URL nor a session id, and each loss has its own", async () => {
    await using inside = await openInside();
    for (const shape of ["404-java", "400-supergateway"]) {
      await inside.order({ do: "forget", as: shape });
      assert.equal(toolText(await inside.client.call("echo", { text: "x" })), "x");
    }
    await ended(2);
    assert.deepEqual(
      spans.map(({ attributes }) => attributes["holdfast.restore.generation"]),
      [2, 3],
    );
    const text = JSON.stringify(spans);
    for (const secret of [...(await inside.sessionIds()), new URL(inside.chaos.url).host, "/mcp", "http:"])
      assert.ok(!text.includes(secret), `${secret} in ${text}`);
  });

  it("has status error and the error's code when the restore fails", async () => {
    await using inside = await openInside();
    await inside.order({ do: "forget", as: "404-json" });
    await inside.order({ do: "answer", status: 400, times: 1, methods: ["initialize"], body: "no" });
    const code = errorCode(await inside.client.call("echo", { text: "x" }));
    const [span] = await ended(1);
    assert.equal(span?.status, SpanStatusCode.ERROR);
    assert.deepEqual([span.attributes["holdfast.restore.outcome"], span.attributes["error.type"]], ["failed", code]);
    assert.equal(typeof code, "string");
  });

  it("tells that the session was closed meanwhile", async () => {
    await using inside = await openInside();
    const { client } = inside;
    await inside.order({ do: "forget", as: "404-json" });
    await inside.order({ do: "delay", ms: 300, methods: ["initialize"] });
    const waiting = client.call("echo", { text: "x" });
    await eventually(() => (spans.length === 1 ? true : undefined), "the restore runs");
    await fetch(client.url, { method: "DELETE", headers: client.headers });
    assert.equal(errorCode(await waiting), "SESSION_CLOSED");
    const [span] = await ended(1);
    assert.deepEqual([span?.attributes["holdfast.restore.outcome"], span?.status], ["abandoned", SpanStatusCode.UNSET]);
  });

  it("is what the initialize that it sends belongs to, and nothing else does", async () => {
    await using inside = await openInside();
    await inside.order({ do: "forget", as: "404-json" });
    const sent: boolean[] = [];
    const onRequest = () => void sent.push(trace.getSpan(context.active()) !== undefined);
    subscribe("holdfast:request", onRequest);
    try {
      await inside.client.call("echo", { text: "x" });
    } finally {
      unsubscribe("holdfast:request", onRequest);
    }
    assert.deepEqual(sent.slice(0, 2), [false, true]);
  });
});

describe("the program under --import", { timeout }, () => {
  it("gives its spans to the SDK that was loaded before it", async () => {
    await using directory = await temporaryDirectory();
    const preload = join(directory.path, "tracing.mjs");
    const api = JSON.stringify(import.meta.resolve("@opentelemetry/api"));
    await writeFile(
      preload,
      `import { trace, INVALID_SPAN_CONTEXT } from ${api};
       const startSpan = (name) => {
         const span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
         span.end = () => console.error("ended " + name);
         return span;
       };
       trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan }) });`,
    );
    const env = { NODE_OPTIONS: `--import ${preload}`, OTEL_SERVICE_NAME: "x" };
    await using scene = await openScene({ env });
    const client = await connect(scene.holdfast.url);
    await scene.order({ do: "forget", as: "404-json" });
    assert.equal(toolText(await client.call("echo", { text: "x" })), "x");
    await eventually(
      () => (scene.holdfast.output().includes("ended holdfast restore") ? true : undefined),
      "the span of the program",
    );
  });
});
