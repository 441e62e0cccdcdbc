// A hub of many connectors, some of them dead; and what of a removed one is left in the system: no process, no socket, no word of it.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { startChaos } from "../../src/chaos/index.ts";
import { type Hub, startHub } from "../support/hub.ts";
import { lastingPort, temporaryDirectory } from "../support/process.ts";
import { connect, eventually, toolText } from "./recovery-scene.ts";

const timeout = 120_000;
const live = 180;
const dead = 20;

interface Listed {
  readonly name: string;
  readonly status: { readonly kind: string };
}

async function listed(hub: Hub): Promise<readonly Listed[]> {
  const { body } = await hub.api("GET", "/connectors");
  return body["connectors"] as readonly Listed[];
}

/** Connections of a process, as the system sees them. */
function socketsOf(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(join(folder, fd)).startsWith("socket:");
    } catch {
      return false;
    }
  }).length;
}

/** Processes in whose environment or command line the text stands. */
function processesWith(text: string): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) return false;
    try {
      return ["environ", "cmdline"].some((file) => readFileSync(`/proc/${pid}/${file}`, "latin1").includes(text));
    } catch {
      return false;
    }
  });
}

describe("a hub of 200 connectors, 20 of them dead", { timeout }, () => {
  it("lists them within 200 ms, and lets no dead one delay a live one", async () => {
    await using chaos = await openChaos();
    await using folder = await temporaryDirectory();
    const nobody = await lastingPort();
    const urls = Array.from({ length: live + dead }, (_, index) =>
      index < live ? chaos.url : `http://127.0.0.1:${nobody}/mcp`,
    );
    const mcpServers = Object.fromEntries(urls.map((url, index) => [`server-${index}`, { type: "http", url }]));
    const config = join(folder.path, "servers.json");
    writeFileSync(config, JSON.stringify({ mcpServers }));
    await using hub = await startHub({ args: ["--no-demo", "--config", config] });
    await eventually(
      async () => {
        const kinds = (await listed(hub)).map(({ status }) => status.kind);
        const count = (kind: string) => kinds.filter((each) => each === kind).length;
        return count("connected") === live && count("unreachable") === dead ? true : undefined;
      },
      "the status of all",
      60_000,
    );
    const spent: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const begunMs = performance.now();
      assert.equal((await listed(hub)).length, live + dead);
      spent.push(performance.now() - begunMs);
    }
    assert.ok(Math.min(...spent) < 200, `${spent.map(Math.round).join()} ms`);

    // A client of the dead one waits for it, and all that time the live ones answer.
    let isWaiting = true;
    const waiting = connect(`${hub.url}/c/server-${live}/mcp`).then(
      () => (isWaiting = false),
      () => (isWaiting = false),
    );
    const client = await connect(`${hub.url}/c/server-0/mcp`);
    for (let call = 0; call < 20; call += 1) assert.equal(toolText(await client.call("echo", { text: "x" })), "x");
    assert.ok(isWaiting, "the dead one had its answer before the live ones");
    await hub.api("DELETE", `/connectors/server-${live}`);
    await hub.stop();
    await waiting;
  });
});

describe("a removed connector", { timeout }, () => {
  it("leaves no process, no word of its environment and no socket in the system", async () => {
    const canary = `canary-${Math.random().toString(36).slice(2)}`;
    const args = [fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js")), "stdio"];
    await using chaos = await openChaos();
    await using hub = await startHub({ args: ["--no-demo"] });
    const before = socketsOf(hub.pid());
    const stdio = { kind: "stdio", command: process.execPath, args, env: { CANARY: canary }, share: false };
    await hub.addLocal("pipe", stdio);
    await hub.addLocal("wire", { kind: "http", url: chaos.url, wire: "auto" });
    for (const name of ["pipe", "wire"]) {
      await hub.until(name, "connected", 30_000);
      const client = await connect(`${hub.url}/c/${name}/mcp`);
      await client.call("echo", { message: "x", text: "x" });
      (await client.listen()).close();
    }
    assert.notDeepEqual(processesWith(canary), []);
    for (const name of ["pipe", "wire"]) {
      const { headers } = await hub.api("GET", `/connectors/${name}`);
      const removed = await hub.api("DELETE", `/connectors/${name}`, undefined, {
        "if-match": headers.get("etag") ?? "",
      });
      assert.ok(removed.status < 300, removed.text);
    }
    await eventually(() => (processesWith(canary).length === 0 ? true : undefined), "no process of it", 15_000);
    // What is left are the test's own connections to the hub, kept alive.
    await eventually(() => (socketsOf(hub.pid()) <= before + 6 ? true : undefined), "no socket of it", 15_000);
    assert.equal((await chaos.sessions()).count, 0);
  });
});

async function openChaos() {
  const chaos = await startChaos();
  return {
    url: chaos.url,
    sessions: async () =>
      ((await (await fetch(chaos.controlUrl)).json()) as { readonly sessions: { readonly count: number } }).sessions,
    [Symbol.asyncDispose]: () => chaos.close(),
  };
}
