// The hub's verbs where no hub runs: they work on the store, say so on standard error, and keep results, exit codes and secrets apart.
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Shell, shellOn } from "../support/hub-shell.ts";
import { itWith } from "../support/parts.ts";
import { lastingPort, startChild, temporaryDirectory } from "../support/process.ts";
import { runHoldfast } from "../support/run-holdfast.ts";
import { everything } from "../support/upstreams.ts";

const timeout = 60_000;
const secret = "canary-s3cret";

interface OwnShell extends Shell, AsyncDisposable {
  readonly path: string;
}

/** On a data directory of its own, where no hub has ever run. */
async function shell(env: Readonly<Record<string, string>> = {}): Promise<OwnShell> {
  const directory = await temporaryDirectory();
  return {
    ...shellOn(join(directory.path, "data"), env),
    path: directory.path,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

const url = `https://example.com/${secret}/mcp`;
const header = `Authorization: Bearer ${secret}`;

describe("the verbs without a hub", { timeout }, () => {
  it("add, list, get, edit, disconnect, connect and remove a connector, and say where", async () => {
    await using sh = await shell();
    const added = await sh.run("add", "docs", url, "--header", header, "--trusted");
    assert.equal(added.status, 0, added.stderr);
    assert.match(added.stdout, /^docs\n {2}Status: +disconnected since \d+ s: Wanted, but no hub runs\./);
    assert.match(added.stderr, /^Written to the store in .*; no hub runs\.\n$/);
    const listed = await sh.run("list");
    assert.match(
      listed.stdout,
      /^NAME +STATUS +SINCE +SESSIONS +SERVER\ndocs +disconnected +\d+ s +0 +https:\/\/example\.com\n$/,
    );
    assert.match(listed.stderr, /^Using the store in .* \(no hub runs\)\.\n$/);
    const first = await sh.json("get", "docs");
    assert.deepEqual(first["headerNames"], ["Authorization"]);
    assert.deepEqual(first["server"], { kind: "http", origin: "https://example.com", wire: "auto" });
    const edited = await sh.json("edit", "docs", "--recovery", "strict");
    assert.deepEqual(
      [
        (edited["options"] as Record<string, unknown>)["recovery"],
        (edited["options"] as Record<string, unknown>)["trusted"],
      ],
      ["strict", true],
    );
    assert.equal((await sh.json("disconnect", "docs"))["wanted"], "disconnected");
    assert.equal((await sh.json("get", "docs"))["wanted"], "disconnected");
    assert.equal((await sh.json("connect", "docs"))["wanted"], "connected");
    assert.deepEqual(await sh.json("remove", "docs"), { removed: "docs" });
    assert.deepEqual(await sh.json("list"), { connectors: [] });
    for (const { stdout, stderr } of [added, listed]) assert.ok(!(stdout + stderr).includes(secret));
  });

  it("keep no word of URL and header readable in the data directory", async () => {
    await using sh = await shell();
    assert.equal((await sh.run("add", "docs", url, "--header", header)).status, 0);
    const data = join(sh.path, "data");
    for (const name of await readdir(data)) {
      const bytes = await readFile(join(data, name));
      assert.ok(!bytes.includes(secret) && !bytes.includes("example.com"), name);
    }
  });

  it("take a command behind --, with the flags that claude mcp has", async () => {
    await using sh = await shell();
    const args = ["add", "--transport", "stdio", "memory", "-e", "MEMORY_FILE_PATH=/x", "-e", `KEY=${secret}`];
    await sh.run(...args, "--", "npx", "-y", "some-server", "--flag");
    const view = await sh.json("get", "memory");
    assert.deepEqual(view["server"], {
      kind: "stdio",
      command: "npx",
      argCount: 3,
      envNames: ["MEMORY_FILE_PATH", "KEY"],
      share: false,
    });
  });

  it("take a config file's entry as add-json, mcp-remote's too", async () => {
    await using sh = await shell();
    const entry = {
      command: "npx",
      args: ["-y", "mcp-remote", url, "--header", "Authorization:${AUTH}"],
      env: { AUTH: "x" },
    };
    const added = await sh.run("add-json", "docs", JSON.stringify(entry), "--json");
    assert.match(added.stderr, /mcp-remote is not needed/);
    assert.deepEqual((JSON.parse(added.stdout) as Record<string, unknown>)["server"], {
      kind: "http",
      origin: "https://example.com",
      wire: "auto",
    });
  });

  it("diagnose and test a server from the store alone", async () => {
    await using sh = await shell();
    await using server = await everything();
    await sh.run("add", "real", server.url);
    const report = await sh.run("doctor", "real");
    assert.equal(report.status, 0, report.stderr);
    assert.match(report.stdout, /bogus-session +ok .* refused with 400, where the specification says 404/);
    assert.match((await sh.run("test", "real")).stdout, /^ok in \d+ ms: No step fails\./);
    assert.equal((await sh.run("doctor", server.url)).status, 0, "a URL needs no connector");
    await sh.run("add", "dead", `http://127.0.0.1:${await lastingPort()}/mcp`);
    const dead = await sh.run("doctor", "dead");
    assert.equal(dead.status, 4);
    assert.match(dead.stdout, /TCP fails: Nothing listens on/);
    assert.equal((await sh.run("test", "dead")).status, 4);
  });
});

describe("import and export", { timeout }, () => {
  const file = {
    mcpServers: {
      "My docs": { type: "http", url, headers: { Authorization: `Bearer ${secret}` } },
      memory: { command: "npx", args: ["-y", "server-memory"], env: { KEY: secret }, autoApprove: [] },
      off: { url: "https://off.example.com/mcp", disabled: true },
    },
  };

  it("read a client's file, show each command before it is taken, and no value", async () => {
    await using sh = await shell();
    const path = join(sh.path, "claude.json");
    await writeFile(path, `// mine\n${JSON.stringify(file)}`);
    const dry = await sh.run("import", path, "--dry-run");
    assert.deepEqual([dry.status, (await sh.json("list"))["connectors"]], [0, []]);
    const run = await sh.run("import", path);
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stderr, /memory: runs "npx" "-y" "server-memory" \(with KEY\)/);
    assert.match(
      run.stdout,
      /^My-docs: added; named "My docs" in the file\nmemory: added; not used here: autoApprove\noff: added; disconnected/,
    );
    assert.ok(!(run.stdout + run.stderr).includes(secret));
    const connectors = (await sh.json("list"))["connectors"] as readonly { name: string; wanted: string }[];
    assert.deepEqual(
      connectors.map(({ name, wanted }) => `${name} ${wanted}`),
      ["My-docs connected", "memory connected", "off disconnected"],
    );
    const again = await sh.run("import", path, "--only", "memory");
    assert.deepEqual([again.status, again.stdout], [7, "memory: exists; not used here: autoApprove\n"]);
    assert.equal((await sh.run("import", path, "--only", "memory", "--replace")).status, 0);
  });

  it("find a client's file by the client's name", async () => {
    await using home = await temporaryDirectory();
    await using sh = await shell({ HOME: home.path, XDG_CONFIG_HOME: join(home.path, "config") });
    const missing = await sh.run("import", "claude-desktop");
    assert.equal(missing.status, 1);
    assert.match(
      missing.stderr,
      /There is no config file of claude-desktop here; looked for .*claude_desktop_config\.json/,
    );
    await writeFile(join(home.path, ".claude.json"), JSON.stringify({ mcpServers: { docs: { url } } }));
    assert.equal((await sh.run("import", "claude-code")).stdout, "docs: added\n");
  });

  it("print for each client what to paste, and nothing else, on standard output", async () => {
    await using sh = await shell();
    await sh.run("add", "docs", url);
    const endpoint = "http://127.0.0.1:4747/c/docs/mcp";
    const printed = async (...args: readonly string[]) => (await sh.run("export", "docs", "--for", ...args)).stdout;
    assert.equal(await printed("claude-code"), `claude mcp add --transport http docs ${endpoint}\n`);
    assert.equal(await printed("codex"), `codex mcp add docs --url ${endpoint}\n`);
    assert.equal(await printed("codex", "--as", "entry"), `[mcp_servers.docs]\nurl = "${endpoint}"\n`);
    assert.deepEqual(JSON.parse(await printed("vscode")), { servers: { docs: { type: "http", url: endpoint } } });
    assert.deepEqual(JSON.parse(await printed("cursor")), { mcpServers: { docs: { url: endpoint } } });
  });
});

describe("what a verb refuses", { timeout }, () => {
  for (const [what, args, status, says] of [
    ["a name that cannot stand in a URL", ["add", "a b", url], 1, /^holdfast: A name is 1 to 64 letters/],
    ["nothing to add", ["add", "docs"], 1, /A URL or a command is missing: holdfast add NAME URL/],
    ["words behind a URL", ["add", "docs", url, "more"], 1, /Behind a URL nothing else is expected/],
    [
      "a header for a command",
      ["add", "x", "--header", "A: b", "--", "npx"],
      1,
      /--header is for URLs; a command takes --env/,
    ],
    ["an environment for a URL", ["add", "x", url, "-e", "A=b"], 1, /--env, --cwd and --share are for commands/],
    ["a header without a colon", ["add", "x", url, "--header", secret], 1, /A header must read 'Name: value'/],
    [
      "a header of Holdfast's own",
      ["add", "x", url, "--header", `Host: ${secret}`],
      1,
      /Host is set by Holdfast itself/,
    ],
    [
      "an unknown transport",
      ["add", "x", url, "-t", "carrier-pigeon"],
      1,
      /--transport is one of http, streamable-http, sse, ws and stdio/,
    ],
    [
      "JSON that is none",
      ["add-json", "x", "{url}"],
      1,
      /^holdfast: JSON:2:2 This is no JSON: text stands in double quotes/,
    ],
    ["a file that is not there", ["import", "/no/such/file"], 1, /cannot be read \(ENOENT\)/],
    ["an unknown connector", ["get", "nobody"], 6, /no connector of this name.*\(CONNECTOR_UNKNOWN\)/],
    ["a hub that is needed and absent", ["sessions", "docs"], 4, /No hub runs on .*start it with holdfast serve/],
    ["a flag that does not exist", ["list", `--tokn=${secret}`], 1, /unknown option '--tokn'/],
    ["a client without an export", ["export", "x", "--for", "netscape"], 1, /Allowed choices are claude-code/],
    ["a shell without completion", ["completion", "cmd"], 1, /Completion is there for bash, zsh and fish/],
  ] as const) {
    it(`${what}, with its exit code and without a value`, async () => {
      await using sh = await shell();
      const run = await sh.run(...args);
      assert.deepEqual([run.status, run.stdout], [status, ""], run.stderr);
      assert.match(run.stderr, says);
      assert.ok(!run.stderr.includes(secret), run.stderr);
    });
  }

  it("a name that is taken, as JSON on one line of standard error with --json", async () => {
    await using sh = await shell();
    await sh.run("add", "docs", url);
    const { status, stdout, stderr } = await sh.run("add", "docs", url, "--json");
    assert.deepEqual([status, stdout], [7, ""]);
    const { error } = JSON.parse(stderr) as { error: Record<string, unknown> };
    assert.deepEqual([error["code"], error["exitCode"]], ["CONNECTOR_EXISTS", 7]);
  });

  it("login says that a program takes no sign-in, and logout that nobody was signed in", async () => {
    await using sh = await shell();
    await sh.run("add", "program", "--", "node", "server.js");
    const login = await sh.run("login", "program");
    assert.equal(login.status, 7, login.stderr);
    assert.match(login.stderr, /SIGN_IN_NOT_FOR_PROGRAMS/);
    await sh.run("add", "docs", url);
    assert.deepEqual(await sh.json("logout", "docs"), { loggedOut: false, revoked: false });
  });
});

describe("what the verbs say of themselves", { timeout }, () => {
  it("is help with examples", async () => {
    const { status, stdout } = await runHoldfast(["add", "--help"]);
    assert.equal(status, 0);
    assert.match(stdout, /^Usage: holdfast add \[options\] <name> \[url-or-command\] \[args\.\.\.\]\n/);
    assert.match(stdout, /Examples:\n {2}holdfast add docs https:\/\/example\.com\/mcp\n/);
  });

  it("is a script that a shell can read, for bash, zsh and fish", async () => {
    const { stdout } = await runHoldfast(["completion", "bash"]);
    const check = `${stdout}\nholdfast() { echo alpha; echo beta; }\nCOMP_WORDS=(holdfast get al); COMP_CWORD=2; _holdfast; echo "\${COMPREPLY[@]}"\nCOMP_WORDS=(holdfast disc); COMP_CWORD=1; _holdfast; echo "\${COMPREPLY[@]}"\nCOMP_WORDS=(holdfast export x --for v); COMP_CWORD=4; _holdfast; echo "\${COMPREPLY[@]}"`;
    await using bash = await startChild("bash", ["-c", check]);
    assert.equal(await bash.exited, 0);
    await bash.end();
    assert.equal(bash.output("stdout"), "alpha\ndisconnect\nvscode\n", bash.output("stderr"));
    assert.match((await runHoldfast(["completion", "zsh"])).stdout, /^#compdef holdfast\n/);
    assert.match((await runHoldfast(["completion", "fish"])).stdout, /^complete -c holdfast .* -a disconnect /m);
  });

  itWith(["zsh"], "is a script that zsh completes with", async ({ zsh }) => {
    const { stdout } = await runHoldfast(["completion", "zsh"]);
    // What zsh's completion system would be asked to offer; it filters by what was typed.
    const asked = `compdef() { : }
compadd() { shift; print -r -- "$@" }
_describe() { print -rl -- \${(P)2} }
${stdout}
holdfast() { echo alpha; echo beta }
words=(holdfast get al) CURRENT=3; _holdfast
words=(holdfast export x --for v) CURRENT=5; _holdfast
words=(holdfast disc) CURRENT=2; _holdfast`;
    await using child = await startChild(zsh, ["-f", "-c", asked]);
    assert.equal(await child.exited, 0);
    await child.end();
    const [names = "", choices = "", ...verbs] = child.output("stdout").split("\n");
    assert.match(names, / --help alpha beta$/, child.output("stderr"));
    assert.match(choices, / vscode /);
    assert.ok(verbs.some((verb) => verb.startsWith("disconnect:")));
  });

  itWith(["fish"], "is a script that fish completes with", async ({ fish }) => {
    const { stdout } = await runHoldfast(["completion", "fish"]);
    await using home = await temporaryDirectory();
    const asked = `function holdfast; echo alpha; echo beta; end
${stdout}
complete -C "holdfast get al"
complete -C "holdfast export x --for v"
complete -C "holdfast disc"`;
    await using child = await startChild(fish, ["-c", asked], { env: { HOME: home.path, XDG_CONFIG_HOME: home.path } });
    assert.equal(await child.exited, 0);
    await child.end();
    const offered = child
      .output("stdout")
      .split("\n")
      .map((line) => line.split("\t")[0]);
    assert.deepEqual(offered, ["alpha", "vscode", "disconnect", ""], child.output("stderr"));
  });

  it("is a schema that holds what --json prints", async () => {
    const schema = JSON.parse((await runHoldfast(["schema"])).stdout) as {
      verbs: Record<string, { required?: readonly string[] }>;
    };
    assert.ok(["list", "get", "doctor", "sessions break", "import", "export"].every((verb) => verb in schema.verbs));
    await using sh = await shell();
    const view = await sh.json("add", "docs", url);
    for (const name of schema.verbs["add"]?.required ?? []) assert.ok(name in view, name);
  });

  it("is without colour where nobody looks", async () => {
    await using sh = await shell({ FORCE_COLOR: "1" });
    await sh.run("add", "docs", url);
    assert.ok(!(await sh.run("list")).stdout.includes("\u001b"));
  });
});
