// The sixteen pairs: the four transports of the SDK's own clients, each with a real server on each of the four. A file per server transport calls `describeServer`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { WebSocketClientTransport } from "@modelcontextprotocol/sdk/client/websocket.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { eventually } from "../behaviour/recovery-scene.ts";
import { type Holdfast, startHoldfast } from "../support/holdfast.ts";
import { childEnvironment, killAtExit, lastingPort, startChild } from "../support/process.ts";
import { program } from "../support/run-holdfast.ts";
import { startStdio } from "../support/stdio-client.ts";
import { textOf } from "../support/tool-result.ts";
import { everything, type Upstream, upstream } from "../support/upstreams.ts";
import { everythingOverSse } from "../support/wire-upstreams.ts";
import { answerQuestions, askedCapabilities, Crossing, call } from "./matrix-crossing.ts";

export type Wire = "Streamable HTTP" | "HTTP+SSE" | "WebSocket" | "stdio";

const largeBytes = 20 * 1024 * 1024;
const fixture = fileURLToPath(new URL("../fixtures/sdk-server.ts", import.meta.url));
const everythingScript = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"));

/** What is typed to reach a server: a URL, or a command after --. */
interface Server extends AsyncDisposable {
  readonly typed: readonly string[];
  /** Ends it as a crash does, and has it come back; `holdfast`: whoever started it, where that is Holdfast. */
  lose(holdfast: number): Promise<void>;
}

const overNetwork = (server: Upstream): Server => ({
  typed: [server.url],
  lose: () => server.restart({ signal: "SIGKILL" }),
  [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
});

/** The child is killed; who needs it next starts it again. */
const overStdio = (command: readonly string[]): Server => ({
  typed: ["--", ...command],
  lose: killChildren,
  [Symbol.asyncDispose]: async () => undefined,
});

/** Kills what a Holdfast has started, and waits until it has noticed. */
export async function killChildren(holdfast: number): Promise<void> {
  const children = childrenOf(holdfast);
  assert.notDeepEqual(children, [], "Holdfast has started no process");
  for (const pid of children) process.kill(pid, "SIGKILL");
  // A call that is written before Holdfast knows may have been read by the dying process, and is rightly not repeated.
  await eventually(() => childrenOf(holdfast).every((pid) => !children.includes(pid)) || undefined, "its end seen");
}

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .filter((text) => text !== "")
    .map(Number);
}

/** The SDK's own server in that transport, with a large answer in stock. */
async function sdkServer(wire: Wire): Promise<Server> {
  if (wire === "stdio") return overStdio([process.execPath, fixture, "stdio"]);
  const port = await lastingPort();
  const [kind, path] = (
    {
      "Streamable HTTP": ["streamable-http", "/mcp"],
      "HTTP+SSE": ["http-sse", "/sse"],
      WebSocket: ["websocket", "/"],
    } as const
  )[wire];
  const scheme = wire === "WebSocket" ? "ws" : "http";
  return overNetwork(
    await upstream(`${scheme}://127.0.0.1:${port}${path}`, async () => {
      const child = await startChild(process.execPath, [fixture, kind, String(port)]);
      await child.waitForLine(/listening/);
      return child;
    }),
  );
}

type Call = readonly [string, Record<string, unknown>];

/** Tools by the names that the server gives them. */
interface Kit {
  readonly start: () => Promise<Server>;
  readonly slow: Call;
  /** What has it ask its client, and what it then says. */
  readonly asks: readonly (readonly [...Call, RegExp])[];
  /** Tells of this resource, to which the client has subscribed. */
  readonly update: Call;
  readonly uri: string;
}

const everythingTools = {
  slow: ["trigger-long-running-operation", { duration: 0.3, steps: 3 }],
  asks: [
    ["trigger-elicitation-request", {}, /accept[^]*Anna/],
    ["trigger-sampling-request", { prompt: "Who?" }, /Anna, I think/],
    ["get-roots-list", {}, /file:\/\/\/home\/anna/],
  ],
  update: ["toggle-subscriber-updates", {}],
  uri: "demo://resource/static/document/architecture.md",
} as const;

/** server-everything where it speaks the transport; it has no WebSocket, and no large answer. */
const kits: Readonly<Record<Wire, Kit>> = {
  "Streamable HTTP": { start: async () => overNetwork(await everything()), ...everythingTools },
  "HTTP+SSE": { start: async () => overNetwork(await everythingOverSse()), ...everythingTools },
  WebSocket: {
    start: () => sdkServer("WebSocket"),
    slow: ["steps", {}],
    asks: [["ask", { what: "elicitation" }, /accept[^]*Anna/]],
    update: ["update", {}],
    uri: "test://one",
  },
  stdio: { start: async () => overStdio([process.execPath, everythingScript, "stdio"]), ...everythingTools },
};

interface Connected extends AsyncDisposable {
  readonly client: Client;
  /** The Holdfast that this client talks to. */
  readonly holdfast: number;
}

interface ClientKind {
  /** Its transport comes back by itself after Holdfast was killed and started again. */
  readonly outlives: boolean;
  readonly connect: (holdfast: Holdfast, server: Server) => Promise<Connected>;
  /** Calls for a large answer by other means than the SDK's client. */
  readonly askLarge?: (server: Server) => Promise<string>;
}

async function connected(transport: Transport, holdfast: () => number, release = () => {}): Promise<Connected> {
  const client = new Client({ name: "matrix", version: "1" }, { capabilities: askedCapabilities });
  answerQuestions(client);
  await client.connect(transport);
  const dispose = async (): Promise<void> => {
    await client.close().catch(() => undefined);
    release();
  };
  return { client, holdfast: holdfast(), [Symbol.asyncDispose]: dispose };
}

const at = (holdfast: Holdfast, scheme: string, path: string) =>
  new URL(`${scheme}://127.0.0.1:${holdfast.port}${path}`);

const clientKinds: Readonly<Record<Wire, ClientKind>> = {
  "Streamable HTTP": {
    outlives: true,
    connect: (holdfast) =>
      connected(new StreamableHTTPClientTransport(at(holdfast, "http", "/mcp")), () => holdfast.pid()),
  },
  // It connects again, but without Last-Event-ID, so that nobody can tell whose stream it was.
  "HTTP+SSE": {
    outlives: false,
    connect: (holdfast) => connected(new SSEClientTransport(at(holdfast, "http", "/sse")), () => holdfast.pid()),
  },
  // The SDK's client does not connect again.
  WebSocket: {
    outlives: false,
    connect: (holdfast) => connected(new WebSocketClientTransport(at(holdfast, "ws", "/ws")), () => holdfast.pid()),
  },
  // Holdfast is the client's own process: when it dies, the client starts another.
  stdio: {
    outlives: false,
    connect: async (_holdfast, server) => {
      const transport = new StdioClientTransport({
        command: process.execPath,
        args: [program, "stdio", "--quiet", ...server.typed],
        env: childEnvironment(),
        maxBufferSize: 2 * largeBytes,
        stderr: "ignore",
      });
      let release = () => {};
      const pid = () => transport.pid ?? 0;
      const client = connected(transport, pid, () => release());
      if (pid() > 0) release = killAtExit(pid());
      return client;
    },
    // The SDK's client copies all that it has with each piece that comes: 20 MB take it many seconds, without Holdfast as well.
    askLarge: async (server) => {
      await using client = startStdio(["stdio", "--quiet", ...server.typed]);
      await client.initialize();
      return textOf(
        JSON.parse(await client.ask(1, "tools/call", { name: "big", arguments: { bytes: largeBytes } })).result,
      );
    },
  },
};

/** A Holdfast in front of a server, for the clients that connect to one. */
async function bridgeTo(server: Server): Promise<Holdfast> {
  const [url = ""] = server.typed;
  return url === "--" ? startHoldfast(undefined, { args: server.typed }) : startHoldfast(url);
}

/** Registers the four pairs of one server transport. */
export function describeServer(serverWire: Wire): void {
  const kit = kits[serverWire];
  describe(`a server on ${serverWire}`, { timeout: 120_000 }, () => {
    const resources = new AsyncDisposableStack();
    let server: Server;
    let large: Server;
    let holdfast: Holdfast;
    let largeHoldfast: Holdfast;
    before(async () => {
      [server, large] = await Promise.all([kit.start(), sdkServer(serverWire)]);
      resources.use(server);
      resources.use(large);
      [holdfast, largeHoldfast] = await Promise.all([bridgeTo(server), bridgeTo(large)]);
      resources.use(holdfast);
      resources.use(largeHoldfast);
    });
    after(() => resources.disposeAsync());

    for (const [clientWire, { connect, outlives, askLarge }] of Object.entries(clientKinds)) {
      it(`gives the SDK's client on ${clientWire} its answers, progress, questions and updates, also after the server was killed`, async () => {
        await using connection = await connect(holdfast, server);
        const { client } = connection;
        const crossing = new Crossing(client);
        assert.match(await call(client, "echo", { message: "one" }), /Echo: one/);
        const progress: number[] = [];
        const [name, args] = kit.slow;
        const onprogress = (update: { progress: number }) => progress.push(update.progress);
        await client.callTool({ name, arguments: args }, undefined, { onprogress });
        assert.ok(progress.length > 0, "no progress came");
        for (const [tool, given, said] of kit.asks) assert.match(await call(client, tool, given), said);
        await crossing.updates(kit.uri, kit.update);
        await server.lose(connection.holdfast);
        assert.match(await call(client, "echo", { message: "two" }), /Echo: two/);
        for (const [tool, given, said] of kit.asks) assert.match(await call(client, tool, given), said);
        await crossing.updated(kit.uri, kit.update);
      });

      it(`gives a client on ${clientWire} an answer of 20 MB`, async () => {
        if (askLarge !== undefined) return assert.equal((await askLarge(large)).length, largeBytes);
        await using connection = await connect(largeHoldfast, large);
        assert.equal((await call(connection.client, "big", { bytes: largeBytes })).length, largeBytes);
      });

      it(`carries all else between the SDK's client on ${clientWire} and a server of the SDK, also after the server was killed`, async () => {
        await using connection = await connect(largeHoldfast, large);
        const crossing = new Crossing(connection.client);
        await crossing.standing();
        await crossing.questions();
        await crossing.cancellation(`${clientWire} one`);
        await crossing.subscribe();
        await crossing.news("one");
        await crossing.growth("extra");
        await large.lose(connection.holdfast);
        await crossing.news("two");
        // What had grown is gone with the old session.
        await crossing.listsChanged();
        await crossing.questions();
        await crossing.cancellation(`${clientWire} two`);
        if (!outlives) return;
        await largeHoldfast.restart();
        await crossing.standing();
        await crossing.news("three");
      });

      if (!outlives) continue;
      it(`serves the SDK's client on ${clientWire} on the same session after Holdfast was killed`, async () => {
        await using connection = await connect(holdfast, server);
        assert.match(await call(connection.client, "echo", { message: "one" }), /Echo: one/);
        await holdfast.restart();
        assert.match(await call(connection.client, "echo", { message: "two" }), /Echo: two/);
      });
    }
  });
}
