// Kills the whole program in the middle of every verb: after its restart connectors and sessions are those of the last acknowledged command, or of
// the one under way, whole. The kills at each single statement of the store are in src/connectors/kills.test.ts.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startChaos } from "../../src/chaos/index.ts";
import { type Hub, startHub } from "../support/hub.ts";
import { startChild, temporaryDirectory } from "../support/process.ts";
import { program } from "../support/run-holdfast.ts";
import { connect, type RawClient } from "./recovery-scene.ts";

const timeout = 120_000;
const rounds = 5;

/** What is seen of the connectors, by name; `life` tells the sessions of one time from those of another, and only the model knows it. */
interface Seen {
  readonly wanted: string;
  readonly origin: string;
  readonly trusted: boolean;
}
type State = Readonly<Record<string, Seen & { readonly life: number }>>;

interface Stage {
  readonly hub: Hub;
  /** Two servers, so that a connector can be led to the other. */
  readonly urls: readonly [string, string];
  readonly folder: string;
}

interface Command {
  /** False: it died before it said that it was done. */
  readonly run: (stage: Stage) => Promise<boolean>;
  /** What it makes of a state. Of several, each is whole or not there, in this order. */
  readonly parts: readonly ((state: State) => State)[];
}

let lives = 0;
const origin = (url: string) => new URL(url).origin;
const server = (url: string) => ({ kind: "http", url, wire: "auto" });

async function rest(hub: Hub, method: string, path: string, body?: object): Promise<boolean> {
  const headers = method === "PATCH" ? { "if-match": "*" } : {};
  const answer = await hub.api(method, path, body, headers).catch(() => undefined);
  assert.ok(answer === undefined || answer.status < 300, answer?.text);
  return answer !== undefined;
}

const put =
  (name: string, change: (before: State[string] | undefined) => State[string]): Command["parts"][number] =>
  (state) => ({ ...state, [name]: change(state[name]) });

function known(before: State[string] | undefined): State[string] {
  assert.ok(before !== undefined, "the verb has nothing to work on");
  return before;
}

const add = (url: string): Command => ({
  run: ({ hub }) => rest(hub, "POST", "/connectors", { name: "one", server: server(url) }),
  parts: [put("one", () => ({ wanted: "connected", origin: origin(url), trusted: false, life: (lives += 1) }))],
});
const edit = (trusted: boolean): Command => ({
  run: ({ hub }) => rest(hub, "PATCH", "/connectors/one", { options: { trusted } }),
  parts: [put("one", (before) => ({ ...known(before), trusted }))],
});
const retarget = (url: string): Command => ({
  run: ({ hub }) => rest(hub, "PATCH", "/connectors/one", { server: server(url) }),
  parts: [put("one", (before) => ({ ...known(before), origin: origin(url), life: (lives += 1) }))],
});
const want = (wanted: "connected" | "disconnected"): Command => ({
  run: ({ hub }) => rest(hub, "POST", `/connectors/one/${wanted.slice(0, -2)}`),
  parts: [put("one", (before) => ({ ...known(before), wanted, life: (lives += 1) }))],
});
const remove: Command = {
  run: ({ hub }) => rest(hub, "DELETE", "/connectors/one"),
  parts: [({ one: _one, ...rest }) => rest],
};

let shellPid = 0;

/** From the shell, beside the hub that runs. */
function importing(names: readonly string[], url: string): Command {
  return {
    run: async ({ hub, folder }) => {
      const file = join(folder, `${names[0]}.json`);
      const entries = names.map((name) => [name, { type: "http", url }]);
      await writeFile(file, JSON.stringify({ mcpServers: Object.fromEntries(entries) }));
      const child = await startChild(process.execPath, [program, "import", file, "--data-dir", hub.dataDir]);
      shellPid = child.pid;
      return (await child.exited) === 0;
    },
    parts: names.map((name) =>
      put(name, () => ({ wanted: "connected", origin: origin(url), trusted: false, life: (lives += 1) })),
    ),
  };
}

/** What comes before, and the verb in whose middle the program dies. */
interface Scenario {
  readonly before: (urls: Stage["urls"]) => readonly Command[];
  readonly verb: (urls: Stage["urls"], round: number) => Command;
  /** The shell's process dies and not the hub. */
  readonly inShell?: boolean;
}

const names = (round: number) => ["a", "b", "c"].map((letter) => `taken-${round}-${letter}`);
const scenarios: Readonly<Record<string, Scenario>> = {
  add: { before: () => [], verb: ([a]) => add(a) },
  edit: { before: ([a]) => [add(a)], verb: () => edit(true) },
  "another server": { before: ([a]) => [add(a), edit(true)], verb: ([, b]) => retarget(b) },
  disconnect: { before: ([a]) => [add(a)], verb: () => want("disconnected") },
  connect: { before: ([a]) => [add(a), want("disconnected")], verb: () => want("connected") },
  remove: { before: ([a]) => [add(a), edit(true)], verb: () => remove },
  "add again": { before: ([a]) => [add(a), want("disconnected"), remove], verb: ([, b]) => add(b) },
  "import, the hub dying": { before: ([a]) => [add(a)], verb: ([, b], round) => importing(names(round), b) },
  "import, the shell dying": {
    before: ([a]) => [add(a)],
    verb: ([, b], round) => importing(names(100 + round), b),
    inShell: true,
  },
};

async function seen(hub: Hub): Promise<Readonly<Record<string, Seen>>> {
  const { body } = await hub.api("GET", "/connectors");
  const list = body["connectors"] as readonly {
    readonly name: string;
    readonly wanted: string;
    readonly server: { readonly origin: string };
    readonly options: { readonly trusted: boolean };
  }[];
  return Object.fromEntries(
    list.map(({ name, wanted, server: { origin }, options: { trusted } }) => [name, { wanted, origin, trusted }]),
  );
}

/** Without what only the model knows, in one order. */
function shown(state: Readonly<Record<string, Seen>>): string {
  const rows = Object.entries(state).map(([name, { wanted, origin, trusted }]) => [name, wanted, origin, trusted]);
  return JSON.stringify(rows.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}

/** A session lives on exactly if the connector is wanted and has lived the same life since. */
async function assertSession(client: RawClient, life: number, state: State): Promise<void> {
  const answer = await client.call("count");
  const one = state["one"];
  const goesOn = one?.life === life && one.wanted === "connected";
  assert.equal(answer.result !== undefined, goesOn, `the session ${goesOn ? "is lost" : "lives on"}: ${answer.text}`);
}

interface Killed {
  /** It died before it had answered. */
  readonly inTheMiddle: boolean;
  /** How long the verb takes, as far as that is known. */
  readonly tookMs: number;
}

async function killIn(stage: Stage, scenario: Scenario, round: number, spentMs: number): Promise<Killed> {
  const { hub, urls } = stage;
  let state: State = {};
  for (const name of Object.keys(await seen(hub))) assert.ok(await rest(hub, "DELETE", `/connectors/${name}`));
  for (const command of scenario.before(urls)) {
    assert.ok(await command.run(stage));
    state = command.parts.reduce((before, part) => part(before), state);
  }
  const life = state["one"]?.wanted === "connected" ? state["one"].life : 0;
  const client = life === 0 ? undefined : await connect(`${hub.url}/c/one/mcp`);

  const command = scenario.verb(urls, round);
  const afterMs = Math.random() * spentMs;
  const begunMs = performance.now();
  let tookMs = spentMs;
  const running = command.run(stage).then((acknowledged) => {
    if (acknowledged) tookMs = performance.now() - begunMs;
    return acknowledged;
  });
  await wait(afterMs);
  if (scenario.inShell === true) kill(shellPid);
  else await hub.kill();
  const acknowledged = await running;
  await hub.restart();

  const reached = command.parts.reduce<State[]>((all, part) => [...all, part(all.at(-1) ?? state)], [state]);
  const allowed = acknowledged ? reached.slice(-1) : reached;
  const found = shown(await seen(hub));
  const is = allowed.find((one) => shown(one) === found);
  assert.ok(is !== undefined, `killed after ${afterMs} ms: ${found} is none of ${allowed.map(shown).join(" ")}`);
  if (client !== undefined) await assertSession(client, life, is);
  return { inTheMiddle: !acknowledged, tookMs };
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It was done before.
  }
}

describe(`the hub, killed ${rounds} times in the middle of every verb`, { timeout }, () => {
  it("is after its restart what was acknowledged last, or the whole of what was under way, its sessions too", async (context) => {
    await using resources = new AsyncDisposableStack();
    const chaos = [await startChaos(), await startChaos()] as const;
    for (const one of chaos) resources.defer(() => one.close());
    const folder = resources.use(await temporaryDirectory()).path;
    const args = ["--no-demo", "--allow-private-addresses", "127.0.0.0/8"];
    const hub = resources.use(await startHub({ args }));
    const stage: Stage = { hub, urls: [chaos[0].url, chaos[1].url], folder };
    let inTheMiddle = 0;
    for (const [verb, scenario] of Object.entries(scenarios)) {
      // A kill comes anywhere within the time that the verb takes when it is let, of which the first is a guess.
      let tookMs = verb.startsWith("import") ? 400 : 30;
      for (let round = 0; round < rounds; round += 1) {
        const killed = await killIn(stage, scenario, round, tookMs);
        tookMs = killed.tookMs;
        inTheMiddle += Number(killed.inTheMiddle);
      }
    }
    context.diagnostic(`${inTheMiddle} of ${rounds * Object.keys(scenarios).length} kills came before the answer`);
    assert.ok(inTheMiddle >= 10, `${inTheMiddle}`);
  });
});
