// Real clients of both eras on servers of both eras, through Holdfast on one URL: plain calls, a question in the middle of a call, and a restart of the server.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { eraCallers } from "../support/era-callers.ts";
import { type Era, type EraServer, startEraServer } from "../support/era-server.ts";
import { type Holdfast, startHoldfast } from "../support/holdfast.ts";
import { startChild, temporaryDirectory } from "../support/process.ts";

const textOf = (result: unknown): string => JSON.stringify(result);

async function withBoth(
  era: Era,
  use: (server: EraServer, url: string, holdfast: Holdfast) => Promise<void>,
): Promise<void> {
  await using server = await startEraServer(era);
  await using holdfast = await startHoldfast(server.url);
  await use(server, holdfast.url, holdfast);
}

for (const era of ["legacy", "modern"] as const) {
  describe(`a ${era} server`, () => {
    for (const [name, { connect, speaks }] of Object.entries(eraCallers)) {
      it(`answers ${name}, asks it, and is not missed while it restarts`, () =>
        withBoth(era, async (server, url, holdfast) => {
          await using caller = await connect(url);
          assert.match(textOf(await caller.call("echo", { said: "one" })), /one/);
          assert.match(textOf(await caller.call("confirm")), /confirmed/);
          await server.restart();
          assert.match(textOf(await caller.call("echo", { said: "two" })), /two/);
          assert.equal(server.ran.get("confirm"), 1);
          await holdfast.stop();
          const pairs = new Set(holdfast.requests("tools/call").map((line) => line["era_pair"]));
          assert.deepEqual([...pairs], [`${speaks}${era === "modern" ? "M" : "L"}`]);
        }));
    }

    for (const mode of ["legacy", "auto", "modern"] as const) {
      it(`shows its tools to the Inspector in its ${mode} era`, () =>
        withBoth(era, async (_server, url) => {
          await using home = await temporaryDirectory();
          const bin = fileURLToPath(new URL("../../node_modules/.bin/mcp-inspector", import.meta.url));
          const args = [bin, "--cli", url, "--transport", "http", "--protocol-era", mode, "--method", "tools/list"];
          await using child = await startChild(process.execPath, args, { cwd: home.path, env: { HOME: home.path } });
          assert.equal(await child.exited, 0, child.output());
          assert.match(child.output("stdout"), /"confirm"/);
        }));
    }
  });
}
