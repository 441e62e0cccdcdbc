// Variables, filled in when a connection is wanted: all spellings, each place, and errors that name the variable and no value.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../index.ts";
import { readServers, resolveConnector } from "./index.ts";

type Env = Readonly<Record<string, string>>;

function resolve(value: unknown, env: Env = {}, file = "/home/me/project/.vscode/mcp.json") {
  const [entry] = readServers(JSON.stringify({ mcpServers: { one: value } }), file);
  assert.ok(entry !== undefined);
  return resolveConnector(entry, env, file);
}

describe("the variables of an entry", () => {
  it("are filled into command, args, env and cwd", () => {
    const { server, headers } = resolve(
      { command: "${BIN}/run", args: ["--key=${KEY}", "${A}${B:-b}"], env: { TOKEN: "${KEY}" }, cwd: "${HERE}" },
      { BIN: "/bin", KEY: "k", A: "a", HERE: "/srv" },
    );
    assert.deepEqual(server, {
      kind: "stdio",
      command: "/bin/run",
      args: ["--key=k", "ab"],
      env: { TOKEN: "k" },
      cwd: "/srv",
      share: false,
    });
    assert.deepEqual(headers, []);
  });

  it("come from the envFile too, beside the project's config file, and those of env win", () => {
    const [entry] = readServers(
      JSON.stringify({
        servers: { one: { command: "x", envFile: "${workspaceFolder}/${NAME}", env: { A: "own" } } },
      }),
      "mcp.json",
    );
    assert.ok(entry !== undefined);
    const paths: string[] = [];
    const { server } = resolveConnector(entry, { NAME: "local.env" }, "/home/me/project/.vscode/mcp.json", (path) => {
      paths.push(path);
      return "# mine\nA=file\nexport B='two words'\n";
    });
    assert.deepEqual(paths, ["/home/me/project/local.env"]);
    assert.deepEqual(server.kind === "stdio" && server.env, { A: "own", B: "two words" });
    assert.throws(
      () => resolveConnector(entry, { NAME: "absent.env" }, "/nowhere/mcp.json"),
      (error) =>
        error instanceof ConfigError &&
        error.message === "Connector one: the envFile /nowhere/absent.env cannot be read (ENOENT).",
    );
  });

  it("are filled into url and headers", () => {
    const { server, headers } = resolve(
      { url: "https://${HOST}/mcp#part", headers: { Authorization: "Bearer ${T:-none}", "X-Two": "${A}" } },
      { HOST: "example.com", A: "1" },
    );
    assert.deepEqual(server, { kind: "http", url: new URL("https://example.com/mcp"), wire: "auto" });
    assert.deepEqual(headers, ["Authorization", "Bearer none", "X-Two", "1"]);
  });

  it("may be written as editors write them", () => {
    const { headers } = resolve(
      {
        url: "http://h/",
        headers: { a: "${env:KEY}", b: "${input:api-key}", c: "${workspaceFolder}/x", d: "${userHome}" },
      },
      { KEY: "k", HOLDFAST_INPUT_API_KEY: "i", HOME: "/home/me" },
    );
    assert.deepEqual(headers, ["a", "k", "b", "i", "c", "/home/me/project/x", "d", "/home/me"]);
  });

  it("are filled in once: what they bring is not looked at again", () => {
    assert.deepEqual(resolve({ url: "http://h/", headers: { a: "${A}" } }, { A: "${B}" }).headers, ["a", "${B}"]);
  });

  it("leave alone what only looks like one", () => {
    const { server } = resolve({ command: "sh", args: ["-c", "echo $HOME ${#list} ${}"] });
    assert.ok(server.kind === "stdio");
    assert.deepEqual(server.args, ["-c", "echo $HOME ${#list} ${}"]);
  });
});

const secret = "canary-s3cret";

describe("an entry that cannot be resolved", () => {
  for (const [what, value, says] of [
    ["a variable in the url", { url: "${U}" }, "Connector one: url needs the variable U, which is not set."],
    [
      "a variable in an argument",
      { command: "x", args: ["a", "${V}"] },
      "Connector one: args[1] needs the variable V, which is not set.",
    ],
    [
      "a variable in the env",
      { command: "x", env: { K: "${V}" } },
      "Connector one: env.K needs the variable V, which is not set.",
    ],
    [
      "a variable in a header",
      { url: "http://h/", headers: { A: "${V}" } },
      "Connector one: The header A needs the variable V, which is not set.",
    ],
    [
      "an input",
      { url: "http://h/", headers: { A: "${input:my key}" } },
      "Connector one: The header A needs the variable HOLDFAST_INPUT_MY_KEY (the input my key), which is not set.",
    ],
    [
      "an editor's command",
      { url: "http://h/", headers: { A: "${command:x.y}" } },
      "Connector one: The header A needs ${command:...}, which only an editor can fill in. Write ${VAR} instead.",
    ],
    ["a url that a variable brought", { url: "${BAD}" }, "Connector one: the url must begin with http:// or https://."],
    [
      "a password in the url",
      { url: `https://me:${secret}@h/` },
      "Connector one: leave user name and password out of the url; give an Authorization header instead.",
    ],
    [
      "a header of Holdfast's own",
      { url: "http://h/", headers: { Host: secret } },
      "Connector one: The header Host is set by Holdfast itself; leave it out.",
    ],
    [
      "a header that breaks lines",
      { url: "http://h/", headers: { A: `${secret}\r\nB: c` } },
      "Connector one: The value of the header A holds a control character.",
    ],
    [
      "a header whose name is none",
      { url: "http://h/", headers: { "A B": secret } },
      "Connector one: The name of a header may hold letters, digits and hyphens only.",
    ],
  ] as const) {
    it(`names ${what}`, () => {
      assert.throws(() => resolve(value, { BAD: `ftp://${secret}` }), new ConfigError(says));
    });
  }
});
