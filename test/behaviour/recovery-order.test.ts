// Those who wait for a restore go on in the order in which they came, seen on one pipe in and one pipe out of a real server.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { killChildren } from "../partners/matrix.ts";
import { everythingOverStdio } from "../support/era-gateways.ts";
import { startStdio } from "../support/stdio-client.ts";
import { answers } from "../support/wire-clients.ts";

const count = 40;

const servers = {
  "": everythingOverStdio,
  // Its output stays open behind it, so that what it said last could still come.
  ", which has left a program behind": ["sh", "-c", 'sleep 30 & exec "$0" "$@"', ...everythingOverStdio],
} as const;

describe("calls that wait for a restore", { timeout: 60_000 }, () => {
  for (const [how, server] of Object.entries(servers))
    it(`reach the successor of a killed server${how}, in the order in which their client sent them, each once`, async (context) => {
      if (process.platform !== "linux") return context.diagnostic("finds the server's process in /proc");
      await using client = startStdio(["stdio", "--", ...server]);
      await client.initialize();
      await killChildren(client.pid);
      const ids = Array.from({ length: count }, (_, index) => 100 + index);
      const calls = ids.map((id) => {
        const params = { name: "echo", arguments: { message: `number ${id}` } };
        return JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params });
      });
      await client.send(calls.join("\n"));
      await Promise.all(ids.map((id) => client.when((text) => answers(text, id))));
      const lines = client.output().trimEnd().split("\n").slice(1);
      const answered = lines.map((line) => JSON.parse(line)).filter(({ method }) => method === undefined);
      assert.deepEqual(
        answered.map(({ id, result, error }) => [id, result?.content?.[0]?.text ?? error]),
        ids.map((id) => [id, `Echo: number ${id}`]),
      );
    });
});
