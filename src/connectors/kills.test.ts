// Kills the process at every step of every verb: afterwards the state is that of the last acknowledged command, or of the one under way, whole.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before as beforeAll, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { openSqliteHubStores } from "../store/index.ts";
import { Connectors, openSealer } from "./index.ts";

const root = mkdtempSync(join(tmpdir(), "holdfast-kills-"));
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
});

const key = new Uint8Array(32).fill(3);
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What a connector is to a user: wanted or not, and which settings. Its sessions are named by the settings that they were opened under. */
type State = Readonly<Record<string, string>>;

/** A verb as text, so that it can be handed to the child and acted out on the model. */
const verbs = ["add", "edit", "retarget", "disconnect", "connect", "remove", "readd", "file"] as const;
type Verb = (typeof verbs)[number];

/** Runs in the child: history first, each command acknowledged on standard output, then the verb with a SIGKILL at its n-th statement. */
const childScript = `
  import { writeSync } from "node:fs";
  import { openSqliteHubStores } from ${JSON.stringify(here("../store/index.ts"))};
  import { Connectors, openSealer } from ${JSON.stringify(here("index.ts"))};
  const [directory, n, when, ...commands] = process.argv.slice(2);
  const sqlite = process.getBuiltinModule("node:sqlite");
  const stores = await openSqliteHubStores(directory);
  const connectors = new Connectors(stores.connectors, openSealer(new Uint8Array(32).fill(3)));
  const options = (trusted) => ({ trusted, recovery: "transparent", recoveryWindowMs: 1, maxSessions: 1, idleTimeoutMs: 1000 });
  const spec = (at, trusted = false, source = "store") => ({
    server: { kind: "http", url: "https://example.com/" + at, wire: "auto" }, headers: {}, options: options(trusted), source, from: "api" });
  let session = 0;
  const verbs = {
    add: (at) => connectors.add({ name: "one", spec: spec(at), wanted: "connected" }),
    readd: (at) => connectors.add({ name: "one", spec: spec(at), wanted: "connected" }),
    edit: (at) => connectors.edit("one", { options: options(at % 2 === 1) }),
    retarget: (at) => connectors.edit("one", { server: spec(at).server }),
    connect: () => connectors.setWanted("one", "connected"),
    disconnect: () => connectors.setWanted("one", "disconnected"),
    remove: () => connectors.remove("one"),
    file: (at) => connectors.syncFile([{ name: "filed", spec: spec(at, false, "file") }]),
  };
  let statements = -1;
  const step = (moment) => {
    if (statements < 0) return;
    if (moment === "before") statements += 1;
    if (statements === Number(n) && moment === when) process.kill(process.pid, "SIGKILL");
  };
  const wrap = (prototype, name) => {
    const original = prototype[name];
    prototype[name] = function (...given) {
      step("before");
      const answer = original.apply(this, given);
      step("after");
      return answer;
    };
  };
  for (const name of ["exec"]) wrap(sqlite.DatabaseSync.prototype, name);
  for (const name of ["run", "get", "all"]) wrap(sqlite.StatementSync.prototype, name);
  for (const [index, command] of commands.entries()) {
    const [verb, at] = command.split(":");
    if (index === commands.length - 1) statements = 0;
    await verbs[verb](Number(at));
    statements = -1;
    writeSync(1, "done " + index + "\\n");
    for (const row of await stores.connectors.list())
      if (row.wanted === "connected")
        await stores.sessions.add({ key: process.pid + "-" + (session += 1), connector: row.sessionsKey, principal: "p", generation: 1, snapshot: "{}", lastSeenAtMs: 1 });
  }
  writeSync(1, "whole\\n");
`;

const childFile = join(root, "child.mjs");

/** As one file: each of the kills costs the start of a process, and most of that would be the reading of a hundred sources. */
beforeAll(async () => {
  const source = join(root, "child-source.mjs");
  writeFileSync(source, childScript);
  await using bundle = await rolldown({ input: source, platform: "node", resolve: { mainFields: ["module", "main"] } });
  await bundle.write({ file: childFile, format: "esm", codeSplitting: false });
});

interface Run {
  /** How many commands were acknowledged. */
  readonly acknowledged: number;
  /** The verb was over before the statement at which it was to die. */
  readonly survived: boolean;
}

async function runChild(directory: string, n: number, when: string, commands: readonly string[]): Promise<Run> {
  const args = ["--disable-warning=ExperimentalWarning", childFile];
  const child = spawn(process.execPath, [...args, directory, String(n), when, ...commands], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  const ended = new Promise<NodeJS.Signals | number | null>((resolve) =>
    child.once("close", (code, signal) => resolve(signal ?? code)),
  );
  let acknowledged = 0;
  let survived = false;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("done ")) acknowledged += 1;
    else survived = true;
  }
  const end = await ended;
  running.delete(child);
  assert.equal(end, survived ? 0 : "SIGKILL");
  return { acknowledged, survived };
}

/** The model: what one command makes of a state. */
function act(state: State, command: string): State {
  const [verb = "", at = ""] = command.split(":");
  const [wanted = "", server = "", trusted = ""] = (state["one"] ?? "").split(" ");
  const one = (changed: string): State => ({ ...state, one: changed });
  switch (verb as Verb) {
    case "add":
    case "readd":
      return one(`connected ${at} false`);
    case "edit":
      return one(`${wanted} ${server} ${Number(at) % 2 === 1}`);
    case "retarget":
      return one(`${wanted} ${at} ${trusted}`);
    case "connect":
      return one(`connected ${server} ${trusted}`);
    case "disconnect":
      return one(`disconnected ${server} ${trusted}`);
    case "remove":
      return Object.fromEntries(Object.entries(state).filter(([name]) => name !== "one"));
    case "file":
      return { ...state, filed: `connected ${at} false` };
  }
}

/** What the store holds, in the words of the model. Sessions of nobody that is wanted must not be there. */
async function readState(directory: string): Promise<State> {
  await using stores = await openSqliteHubStores(directory);
  const records = await new Connectors(stores.connectors, openSealer(key)).list();
  const generations = records.map(({ generation }) => generation);
  assert.ok(Math.max(0, ...generations) <= (await stores.connectors.generation()));
  return Object.fromEntries(
    records.map(({ name, wanted, spec }) => {
      const url = spec.server.kind === "http" ? spec.server.url : "";
      return [name, `${wanted} ${url.slice("https://example.com/".length)} ${spec.options.trusted}`];
    }),
  );
}

/** Every row of a session belongs to a connector that is wanted, under its present key. */
async function assertNoOrphans(directory: string): Promise<void> {
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  const database = new DatabaseSync(join(directory, "holdfast.db"));
  try {
    const orphans = database
      .prepare(
        "select count(*) as count from session where connector not in (select sessions_key from connector where wanted = 'connected')",
      )
      .get()?.["count"];
    assert.equal(orphans, 0, "sessions outlived their connector");
  } finally {
    database.close();
  }
}

/** Commands that lead to a state in which the verb means something. */
const before: Readonly<Record<Verb, (at: number) => readonly string[]>> = {
  add: () => [],
  edit: (at) => [`add:${at}`],
  retarget: (at) => [`add:${at}`, `edit:${at}`],
  disconnect: (at) => [`add:${at}`],
  connect: (at) => [`add:${at}`, "disconnect:0"],
  remove: (at) => [`add:${at}`, `edit:${at}`],
  readd: (at) => [`add:${at}`, "remove:0"],
  file: (at) => [`file:${at}`, `add:${at}`],
};

async function killAt(verb: Verb, n: number, when: string, round: number): Promise<boolean> {
  const directory = mkdtempSync(join(root, `${verb}-`));
  const commands = [...before[verb](round * 10), `${verb}:${round * 10 + 1}`];
  const { acknowledged, survived } = await runChild(directory, n, when, commands);
  const states = commands.reduce<State[]>((all, command) => [...all, act(all.at(-1) ?? {}, command)], [{}]);
  const allowed = survived ? [states.at(-1)] : [states[acknowledged], states[acknowledged + 1]];
  const found = await readState(directory);
  assert.ok(
    allowed.some((state) => JSON.stringify(inOrder(state)) === JSON.stringify(inOrder(found))),
    `${verb} killed ${when} statement ${n}: ${JSON.stringify(found)} is none of ${JSON.stringify(allowed)}`,
  );
  await assertNoOrphans(directory);
  rmSync(directory, { recursive: true, force: true });
  return survived;
}

function inOrder(state: State | undefined): unknown {
  return Object.entries(state ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}

const rounds = Number(process.env["HOLDFAST_KILL_ROUNDS"] ?? 5);
let kills = 0;

describe(`a hub that is killed at every step of every verb, ${rounds} times over`, { timeout: 300_000 }, () => {
  for (const verb of verbs) {
    it(`is afterwards what was acknowledged last, or the whole of ${verb}`, async (context) => {
      let statements = 0;
      // How many there are shows itself when the verb survives.
      for (let n = 1; ; n++) {
        const runs = Array.from({ length: n === 1 ? 1 : rounds }, (_, round) => killAt(verb, n, "before", round));
        const survived = await Promise.all(runs);
        if (survived.every(Boolean)) break;
        assert.ok(!survived.some(Boolean), "the same verb takes the same steps");
        kills += survived.length;
        statements = n;
        const afterwards = await Promise.all(
          Array.from({ length: rounds }, (_, round) => killAt(verb, n, "after", round)),
        );
        kills += afterwards.length;
      }
      context.diagnostic(`${statements} statements`);
      assert.ok(statements >= 4, `${statements} statements`);
    });
  }

  it("was killed often enough to mean something", (context) => {
    context.diagnostic(`${kills} kills`);
    assert.ok(kills >= rounds * 100, `${kills}`);
  });
});
