// What comes on a connection and is no request: the right HTTP status, an error that says what is wrong, and a line in the log. The next one is served.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { talk } from "../support/raw-client.ts";
import { connect } from "./recovery-scene.ts";
import { serve, startUpstream } from "./recovery-upstream.ts";

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

/** A POST as it stands on the wire. */
function post(...headers: readonly string[]): string {
  const lines = ["POST /mcp HTTP/1.1", `content-length: ${ping.length}`, "content-type: application/json", ...headers];
  return `${lines.join("\r\n")}\r\n\r\n${ping}`;
}

const broken: Readonly<Record<string, readonly [bytes: string, status: number, code: string, method: string]>> = {
  "what is no HTTP": ["hello\r\n\r\n", 400, "NOT_HTTP", "-"],
  "a TLS handshake": ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "NOT_HTTP", "-"],
  "headers of more than 16 KB": [
    post("host: localhost", `x-long: ${"x".repeat(20_000)}`),
    431,
    "HEADERS_TOO_LARGE",
    "POST",
  ],
  "a length told in two ways": [post("host: localhost", "transfer-encoding: chunked"), 400, "NOT_HTTP", "POST"],
  "no Host": [post(), 400, "NOT_HTTP", "POST"],
  "two Hosts": [post("host: localhost", "host: evil.example"), 400, "NOT_HTTP", "POST"],
  "an unknown expectation": [post("host: localhost", "expect: miracles"), 417, "EXPECTATION_UNKNOWN", "POST"],
  "a request for a tunnel": [
    "CONNECT example.com:443 HTTP/1.1\r\nhost: localhost\r\n\r\n",
    405,
    "METHOD_NOT_ALLOWED",
    "CONNECT",
  ],
};

describe("a client that sends", { timeout: 30_000, concurrency: true }, () => {
  for (const [what, [bytes, status, code, method]] of Object.entries(broken))
    it(`${what} is answered ${status} ${code}, with the id of its one line in the log`, async () => {
      await using upstream = await startUpstream();
      await using holdfast = await startHoldfast(upstream.url);
      const text = await talk(holdfast.port, Buffer.from(bytes, "latin1"));
      assert.equal(/^HTTP\/1\.1 (\d+) /.exec(text)?.[1], String(status), text);
      const { error } = JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4));
      assert.equal(error.data.code, code);
      const client = await connect(holdfast.url);
      assert.deepEqual((await client.request("ping")).result, {});
      assert.equal(await holdfast.stop(), 0);
      const lines = holdfast.log().filter((line) => line["error_code"] !== undefined && line["error_code"] !== "-");
      assert.deepEqual(
        lines.map((line) => [line["request_id"], line["http_method"], line["status"], line["error_code"]]),
        [[error.data.requestId, method, status, code]],
      );
    });

  it("nothing, or leaves, has no line", async () => {
    await using upstream = await startUpstream();
    await using holdfast = await startHoldfast(upstream.url);
    for (const end of ["end", "resetAndDestroy"] as const) {
      const socket = connectSocket(holdfast.port, "127.0.0.1").resume();
      await once(socket, "connect");
      socket[end]();
      await once(socket, "close");
    }
    await connect(holdfast.url);
    assert.equal(await holdfast.stop(), 0);
    const methods = holdfast.log().filter((line) => line["request_id"] !== undefined);
    assert.deepEqual(
      methods.map((line) => line["jsonrpc_method"]),
      ["initialize", "notifications/initialized"],
    );
  });

  it("a request for a tunnel behind another request does not get the answer to that one", async () => {
    const asked = Promise.withResolvers<() => void>();
    await using upstream = await startUpstream((seen, response) => {
      if (seen.message["method"] !== "tools/list") return undefined;
      asked.resolve(() => serve(seen, response));
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    const body = '{"jsonrpc":"2.0","id":7,"method":"tools/list"}';
    const head = ["POST /mcp HTTP/1.1", "host: localhost", "transfer-encoding: chunked"];
    for (const [name, value] of Object.entries(client.headers)) head.push(`${name}: ${value}`);
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const connect2 = "CONNECT example.com:443 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    const talking = talk(holdfast.port, `${head.join("\r\n")}\r\n\r\n${chunked}${connect2}`);
    (await asked.promise)();
    const statuses = [...(await talking).matchAll(/^HTTP\/1\.1 (\d+)/gm)].map((match) => match[1]);
    // Node ends the connection with that answer.
    assert.equal(statuses[0], "200");
  });

  it("no HTTP behind a request gets its answer whole, and the refusal after it", async () => {
    const asked = Promise.withResolvers<() => void>();
    await using upstream = await startUpstream(({ message: { id, method } }, response) => {
      if (method !== "tools/list") return undefined;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": begun\n\n");
      asked.resolve(() => response.end(`data: {"jsonrpc":"2.0","id":${String(id)},"result":{}}\n\n`));
      return true;
    });
    await using holdfast = await startHoldfast(upstream.url);
    const client = await connect(holdfast.url);
    const body = '{"jsonrpc":"2.0","id":7,"method":"tools/list"}';
    const head = [
      "POST /mcp HTTP/1.1",
      "host: localhost",
      ...Object.entries(client.headers).map(([name, value]) => `${name}: ${value}`),
      `content-length: ${body.length}`,
    ];
    const talking = talk(holdfast.port, `${head.join("\r\n")}\r\n\r\n${body}no HTTP at all\r\n\r\n`);
    (await asked.promise)();
    const text = await talking;
    assert.deepEqual(
      [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map((match) => match[1]),
      ["200", "400"],
    );
    assert.ok(text.indexOf('"result":{}') < text.indexOf("HTTP/1.1 400"), text);
  });
});
