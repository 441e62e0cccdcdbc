// server-filesystem behind `holdfast --`: files are written and read through it, and its process may die in between.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { clients } from "../support/clients.ts";
import { startHoldfast } from "../support/holdfast.ts";
import { temporaryDirectory } from "../support/process.ts";
import { killChildren } from "./matrix.ts";

const script = fileURLToPath(import.meta.resolve("@modelcontextprotocol/server-filesystem/dist/index.js"));

describe("server-filesystem over stdio", { timeout: 90_000 }, () => {
  for (const { name, connect } of clients.slice(0, 2)) {
    it(`writes and reads files for ${name}, also after its process was killed`, async () => {
      await using directory = await temporaryDirectory();
      await using holdfast = await startHoldfast(undefined, { args: ["--", process.execPath, script, directory.path] });
      await using client = await connect(holdfast.url);
      const path = join(directory.path, "note.txt");
      await client.callTool("write_file", { path, content: "kept" });
      await killChildren(holdfast.pid());
      assert.match(await client.callTool("read_text_file", { path }), /kept/);
      assert.equal(await readFile(path, "utf8"), "kept");
      assert.deepEqual(client.errors(), []);
    });
  }
});
