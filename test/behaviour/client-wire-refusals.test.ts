// What a server answers to a call instead of its answer, told to clients on one wire: each call ends with a word, and nothing ends with it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startStdio } from "../support/stdio-client.ts";
import { answers } from "../support/wire-clients.ts";
import { startUpstream } from "./recovery-upstream.ts";

const deep = `${"[".repeat(9_000)}${"]".repeat(9_000)}`;
const error = `{"code":-32602,"message":"${"x".repeat(70_000)}","data":${deep}}`;

const bodies: Readonly<Record<string, readonly [status: number, body: string, told: RegExp]>> = {
  "a large and deep error without an id": [
    400,
    `{"jsonrpc":"2.0","id":null,"error":${error}}`,
    /"id":7,"error":\{"code":-32602/,
  ],
  "an error without an id, and 200": [
    200,
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32602,"message":"no"}}',
    /"id":7,"error":\{"code":-32602,"message":"no"\}/,
  ],
  "the answer to another call": [200, '{"jsonrpc":"2.0","id":99,"result":{}}', /OUTCOME_UNKNOWN/],
  "a notification": [200, '{"jsonrpc":"2.0","method":"notifications/message"}', /OUTCOME_UNKNOWN/],
};

describe("a client on stdio", { timeout: 30_000, concurrency: true }, () => {
  for (const [what, [status, body, told]] of Object.entries(bodies))
    it(`is told what became of a call that was answered with ${what}, and goes on`, async () => {
      await using upstream = await startUpstream(({ message }, response) => {
        if (message["method"] !== "tools/call") return undefined;
        response.writeHead(status, { "content-type": "application/json", connection: "close" }).end(body);
        return true;
      });
      await using client = startStdio(["stdio", upstream.url]);
      await client.initialize();
      const answer = client.when((text) => answers(text, 7));
      await client.send('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"any"}}');
      assert.match(await answer, told);
      const next = client.when((text) => answers(text, 8));
      await client.send('{"jsonrpc":"2.0","id":8,"method":"tools/list"}');
      assert.match(await next, /"result":\{\}/);
    });
});
