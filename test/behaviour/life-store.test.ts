// The data directory: what is said when it cannot be used, what goes on when it fails at run time, and what a deletion leaves in it.
import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { temporaryDirectory } from "../support/process.ts";
import { runHoldfast } from "../support/run-holdfast.ts";
import { connect, errorCode, eventually, openScene, type RawClient, type Scene, toolText } from "./recovery-scene.ts";

const timeout = 30_000;
const url = "http://127.0.0.1:9/mcp";

/** Whether any file of the directory holds one of the texts. */
async function holding(directory: string, texts: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await readdir(directory)) {
    const bytes = await readFile(join(directory, name));
    found.push(...texts.filter((text) => bytes.includes(text)).map((text) => `${text} in ${name}`));
  }
  return found;
}

/** Takes the table away under a running Holdfast: from here on every row that is read or written fails. */
function damage(directory: string): void {
  using database = new DatabaseSync(join(directory, "holdfast.db"));
  database.exec("drop table session");
}

function assertLogged(scene: Scene, message: RegExp, cause: RegExp): void {
  const failures = scene.holdfast.log().filter(({ msg }) => message.test(String(msg)));
  assert.ok(failures.length > 0, scene.holdfast.output());
  for (const { level, connector, reason } of failures) {
    assert.equal(level, "error");
    assert.equal(connector, new URL(scene.chaos.url).host);
    assert.match(String(reason), cause);
  }
}

async function end(client: RawClient): Promise<void> {
  const answer = await fetch(client.url, { method: "DELETE", headers: client.headers });
  assert.equal(answer.status, 200);
}

describe("a data directory that cannot be used", { timeout, concurrency: true }, () => {
  it("is named at start, with the reason and the flag, and exit status 4", async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, "file");
    await writeFile(file, "");
    for (const dataDir of [file, join(file, "below")]) {
      const { status, stderr } = await runHoldfast([url, "--port", "0", "--data-dir", dataDir]);
      assert.equal(status, 4, stderr);
      assert.match(stderr, /^holdfast: The data directory \S+ cannot be used \((EEXIST|ENOTDIR)\)\. .*--data-dir/);
    }
  });

  it("is told apart from one that holds something else than a session database", async () => {
    await using directory = await temporaryDirectory();
    await writeFile(join(directory.path, "holdfast.db"), "this is no database, but long enough to be one ".repeat(100));
    const { status, stderr } = await runHoldfast([url, "--port", "0", "--data-dir", directory.path]);
    assert.equal(status, 4, stderr);
    assert.match(stderr, /^holdfast: \S+holdfast\.db is not a session database\. Move the file away/);
  });

  it("is told apart from one whose database is damaged", async () => {
    await using scene = await openScene();
    await connect(scene.holdfast.url);
    assert.equal(await scene.holdfast.stop(), 0);
    const path = join(scene.holdfast.dataDir, "holdfast.db");
    const bytes = await readFile(path);
    // The header stays, so that it is still known as ours; every page of content is overwritten.
    bytes.fill(0x5a, 100);
    await writeFile(path, bytes);
    const { status, stderr } = await runHoldfast([url, "--port", "0", "--data-dir", scene.holdfast.dataDir]);
    assert.equal(status, 4, stderr);
    assert.match(stderr, /^holdfast: The session database \S+ is damaged\. .*move the file away/);
  });

  it("is told apart from one that another process has locked", async () => {
    await using scene = await openScene();
    assert.equal(await scene.holdfast.stop(), 0);
    using database = new DatabaseSync(join(scene.holdfast.dataDir, "holdfast.db"));
    database.exec("pragma locking_mode = exclusive; begin exclusive; update secret set only = 1; commit");
    const { status, stderr } = await runHoldfast([url, "--port", "0", "--data-dir", scene.holdfast.dataDir]);
    assert.equal(status, 4, stderr);
    assert.match(stderr, /^holdfast: The session database \S+ is locked by another process\./);
  });
});

describe("a store that fails at run time", { timeout, concurrency: true }, () => {
  it("is logged, and every session of this process goes on, through a loss as well", async () => {
    await using scene = await openScene();
    const before = await connect(scene.holdfast.url);
    await before.call("count");
    damage(scene.holdfast.dataDir);
    const during = await connect(scene.holdfast.url);
    assert.equal(toolText(await during.call("count")), "2");
    await scene.order({ do: "forget", as: "404-json" });
    assert.equal(toolText(await before.call("count")), "3");
    assert.equal(toolText(await during.call("count")), "4");
    assert.equal(await scene.holdfast.stop(), 0);
    assertLogged(scene, /not stored$/, /session database \S+ failed/);
  });

  it("is logged when another process holds it, and the new session is served from memory", async () => {
    await using scene = await openScene();
    using database = new DatabaseSync(join(scene.holdfast.dataDir, "holdfast.db"));
    database.exec("begin immediate");
    const client = await connect(scene.holdfast.url);
    database.exec("rollback");
    assert.equal(toolText(await client.call("count")), "1");
    await scene.order({ do: "forget", as: "404-json" });
    assert.equal(toolText(await client.call("count")), "2");
    assert.equal(await scene.holdfast.stop(), 0);
    assertLogged(scene, /^session not stored$/, /locked by another process/);
  });

  it("holds up nobody else's calls while another process has it, and takes the new session once it is free", async () => {
    await using scene = await openScene();
    const first = await connect(scene.holdfast.url);
    using database = new DatabaseSync(join(scene.holdfast.dataDir, "holdfast.db"));
    database.exec("begin immediate");
    const order: string[] = [];
    const connecting = connect(scene.holdfast.url).then((client) => {
      order.push("session");
      return client;
    });
    await scene.stateWhen(({ received }) => received["initialize"] === 2, "the second initialize");
    for (let count = 1; count <= 20; count++) assert.equal(toolText(await first.call("count")), String(count));
    order.push("calls");
    database.exec("rollback");
    const second = await connecting;
    assert.deepEqual(order, ["calls", "session"]);
    await scene.holdfast.kill();
    await scene.holdfast.restart();
    assert.equal(toolText(await second.call("count")), "21");
  });

  for (const [how, ms] of [
    ["", 1_000],
    [", and not either when the deletion has failed", 6_000],
  ] as const) {
    it(`finds no session in it whose deletion waits for another process${how}`, async () => {
      await using scene = await openScene();
      const client = await connect(scene.holdfast.url);
      using database = new DatabaseSync(join(scene.holdfast.dataDir, "holdfast.db"));
      database.exec("begin immediate");
      const ended = end(client);
      await scene.stateWhen(({ requests }) => requests.some(({ http }) => http === "DELETE"), "the session ended");
      assert.equal(errorCode(await client.call("count")), "UNKNOWN_SESSION");
      await wait(ms);
      assert.equal(errorCode(await client.call("count")), "UNKNOWN_SESSION");
      database.exec("rollback");
      await ended;
      const rows = () => database.prepare("select count(*) as rows from session").get()?.["rows"];
      await eventually(() => rows() === 0 || undefined, "the row gone");
      assert.equal(errorCode(await client.call("count")), "UNKNOWN_SESSION");
    });
  }

  it("makes an id that is not in memory STORE_UNREADABLE, with the cause in the log and the answer's request id in its line", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url);
    await scene.holdfast.kill();
    await scene.holdfast.restart();
    damage(scene.holdfast.dataDir);
    const refused = await client.call("count");
    assert.equal(errorCode(refused), "STORE_UNREADABLE", refused.text);
    assert.deepEqual([refused.status, refused.error?.data?.["executed"]], [503, "no"]);
    await scene.holdfast.stop();
    const [logged] = scene.holdfast.log().filter(({ msg }) => msg === "session not read");
    assert.match(String(logged?.["reason"]), /session database/);
    const [line] = scene.holdfast.log().filter((one) => one["error_code"] === "STORE_UNREADABLE");
    assert.equal(line?.["request_id"], refused.error?.data?.["requestId"]);
  });
});

describe("the files of the data directory", { timeout }, () => {
  it("can be read by their owner alone", async () => {
    await using parent = await temporaryDirectory();
    const dataDir = join(parent.path, "new");
    await using scene = await openScene({ dataDir });
    await connect(scene.holdfast.url);
    assert.equal((await stat(dataDir)).mode & 0o777, 0o700);
    const names = await readdir(dataDir);
    assert.ok(names.includes("holdfast.db"));
    for (const name of names) assert.equal((await stat(join(dataDir, name))).mode & 0o777, 0o600, name);
  });

  it("are made private when they were open to others", async () => {
    await using parent = await temporaryDirectory();
    const dataDir = join(parent.path, "old");
    await mkdir(dataDir);
    await writeFile(join(dataDir, "holdfast.db"), "");
    await chmod(join(dataDir, "holdfast.db"), 0o644);
    await using scene = await openScene({ dataDir });
    assert.equal((await stat(join(scene.holdfast.dataDir, "holdfast.db"))).mode & 0o777, 0o600);
  });

  it("never hold the client's id, its credential or the server's URL", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url, { headers: { authorization: "Bearer canary-credential" } });
    await client.call("count");
    assert.deepEqual(
      await holding(scene.holdfast.dataDir, [client.sessionId, "canary-credential", scene.chaos.url]),
      [],
    );
  });

  it("hold nothing of a session any more, soon after it was ended", async () => {
    await using scene = await openScene();
    const kept = await connect(scene.holdfast.url);
    const client = await connect(scene.holdfast.url, { capabilities: { experimental: { "canary-initialize": {} } } });
    await client.request("resources/subscribe", { uri: "chaos://clock?canary-subscription" });
    const first = (await scene.state()).sessions.list.at(-1)?.id ?? "";
    await scene.order({ do: "forget-one", as: "404-json" });
    await client.call("count");
    const second = (await scene.state()).sessions.list.at(-1)?.id ?? "";
    assert.notEqual(first, second);
    const canaries = ["canary-initialize", "canary-subscription", first, second];
    assert.notDeepEqual(await holding(scene.holdfast.dataDir, ["canary-initialize"]), [], "it had been written");
    await end(client);
    await eventually(
      async () => ((await holding(scene.holdfast.dataDir, canaries)).length === 0 ? true : undefined),
      "no canary is left",
    );
    assert.equal(toolText(await kept.call("count")), "2");
  });

  it("hold nothing of a session that was ended just before a SIGKILL, once Holdfast runs again", async () => {
    await using scene = await openScene();
    const client = await connect(scene.holdfast.url, { capabilities: { experimental: { "canary-initialize": {} } } });
    await end(client);
    await scene.holdfast.kill();
    await scene.holdfast.restart();
    await eventually(
      async () => ((await holding(scene.holdfast.dataDir, ["canary-initialize"])).length === 0 ? true : undefined),
      "no canary is left",
    );
  });
});
