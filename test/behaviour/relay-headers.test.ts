// Promises about headers: which cross the proxy in either direction, and that no credential of one side reaches the other or anyone's eyes.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type HoldfastOptions, startHoldfast } from "../support/holdfast.ts";
import { temporaryDirectory } from "../support/process.ts";
import { openSession, type RawSession, type SessionOptions, send, talk } from "../support/raw-client.ts";
import { type RawServer, type RawServerOptions, type Seen, startRawServer } from "../support/raw-server.ts";

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const initialize =
  '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}';

interface Stage extends AsyncDisposable {
  readonly server: RawServer;
  readonly session: RawSession;
  readonly port: number;
}

interface StageOptions {
  readonly server?: RawServerOptions;
  readonly holdfast?: HoldfastOptions;
  readonly session?: SessionOptions;
}

async function openStage(options: StageOptions = {}): Promise<Stage> {
  await using resources = new AsyncDisposableStack();
  const server = resources.use(await startRawServer(options.server));
  const holdfast = resources.use(await startHoldfast(server.url, options.holdfast));
  const session = await openSession(holdfast.url, options.session);
  const owned = resources.move();
  return { server, session, port: holdfast.port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const all = ({ opened, seen }: RawServer): readonly Seen[] => [...opened, ...seen];

describe("toward the server", () => {
  it("nothing goes but what the protocol needs, whatever the client sends", async () => {
    await using stage = await openStage({ session: { headers: { authorization: "Bearer of-the-client-123" } } });
    const stray = {
      cookie: "of-the-client=1",
      "x-api-key": "of-the-client",
      "x-forwarded-for": "203.0.113.9",
      forwarded: "for=203.0.113.9",
      "user-agent": "of-the-client",
      referer: "http://localhost/of-the-client",
      connection: "close, x-hop",
      "x-hop": "of-the-client",
      te: "trailers",
      "proxy-authorization": "Basic of-the-client",
      "accept-encoding": "gzip, br",
      accept: "application/json",
    };
    await stage.session.post(ping, stray);
    await stage.session.send({ method: "GET", headers: { ...stray, accept: "text/event-stream" } });
    await stage.session.send({ method: "DELETE", headers: stray });
    const needed = [
      "accept",
      "accept-encoding",
      "connection",
      "content-length",
      "content-type",
      "host",
      "mcp-protocol-version",
      "mcp-session-id",
    ];
    const methods = new Set(all(stage.server).map(({ method }) => method));
    assert.deepEqual(methods, new Set(["POST", "GET", "DELETE"]));
    for (const { rawHeaders, headers } of all(stage.server)) {
      const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
      assert.deepEqual(
        names.filter((name) => !needed.includes(name)),
        [],
      );
      assert.equal(new Set(names).size, names.length, "no header is there twice");
      // A packed answer could not be watched.
      assert.equal(headers["accept-encoding"], "identity");
      assert.doesNotMatch(rawHeaders.join(), /of-the-client|203\.0\.113/);
      assert.notEqual(headers["mcp-session-id"], stage.session.id);
    }
    assert.equal(stage.server.seen[0]?.headers.accept, "application/json, text/event-stream");
    assert.equal(stage.server.seen[0]?.headers.host, new URL(stage.server.url).host);
  });

  it("go the headers of --header and --header-file, variables filled in, with everything that is sent", async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, "headers");
    await writeFile(file, "# for the server\n\nX-From-File: file-${TEST_SECRET}\n");
    const args = [
      "--header",
      "Authorization: Bearer ${TEST_SECRET}",
      "--header",
      "X-Else: ${TEST_NOT_SET:-otherwise}",
      "--header-file",
      file,
    ];
    await using stage = await openStage({
      holdfast: { args, env: { TEST_SECRET: "canary-1234" } },
      session: { headers: { authorization: "Bearer of-the-client-123" } },
    });
    await stage.session.post(ping);
    await stage.session.send({ method: "GET" });
    await stage.session.send({ method: "DELETE" });
    assert.equal(all(stage.server).length, 5);
    for (const { headers } of all(stage.server)) {
      assert.equal(headers.authorization, "Bearer canary-1234");
      assert.equal(headers["x-from-file"], "file-canary-1234");
      assert.equal(headers["x-else"], "otherwise");
    }
  });

  it("the token that clients present here does not go", async () => {
    await using stage = await openStage({
      holdfast: { env: { HOLDFAST_TOKEN: "canary-of-this-proxy" } },
      session: { headers: { authorization: "Bearer canary-of-this-proxy" } },
    });
    assert.equal((await stage.session.post(ping)).status, 200);
    for (const { rawHeaders } of all(stage.server)) assert.doesNotMatch(rawHeaders.join(), /canary/);
    for (const authorization of ["Bearer canary-of-this-proxz", "Basic canary-of-this-proxy", "Bearer ", ""]) {
      const before = all(stage.server).length;
      const answer = await send(stage.session.url, { headers: { authorization }, body: initialize });
      assert.deepEqual([answer.status, answer.headers["www-authenticate"]], [401, "Bearer"]);
      assert.equal(JSON.parse(answer.text).error.data.code, "TOKEN_REQUIRED");
      assert.doesNotMatch(answer.text, /canary/);
      assert.equal(all(stage.server).length, before);
    }
  });
});

describe("toward the client", () => {
  const telling = {
    "set-cookie": "lb=canary-cookie; Path=/",
    server: "canary-server/1",
    "x-powered-by": "canary",
    via: "1.1 canary",
    "www-authenticate": 'Bearer realm="canary"',
    "mcp-session-id": "canary-session",
    location: "http://canary.example/",
    "access-control-allow-origin": "*",
    "keep-alive": "timeout=7",
    "x-request-id": "canary",
  } as const;

  for (const status of [200, 400, 429, 500]) {
    it(`nothing of the server's own headers comes with a ${status} but what the answer needs`, async () => {
      await using stage = await openStage({
        server: {
          initializeHeaders: { ...telling, "mcp-session-id": "canary-of-initialize" },
          respond: (_seen, response) => {
            const headers = {
              ...telling,
              "content-type": "application/json",
              "retry-after": "7",
              "cache-control": "no-store",
            };
            response
              .writeHead(status, headers)
              .end('{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"busy"}}');
          },
        },
      });
      const opened = await send(stage.session.url, { body: initialize });
      const { status: got, headers, text } = await stage.session.post(ping);
      assert.equal(got, status);
      assert.equal(text, '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"busy"}}');
      assert.deepEqual([headers["retry-after"], headers["cache-control"]], ["7", "no-store"]);
      const needed = [
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "date",
        "keep-alive",
        "mcp-session-id",
        "retry-after",
        "transfer-encoding",
      ];
      for (const one of [opened.headers, headers]) {
        assert.deepEqual(
          Object.keys(one).filter((name) => !needed.includes(name)),
          [],
        );
        assert.doesNotMatch(JSON.stringify(one), /canary/);
      }
      assert.equal(headers["mcp-session-id"], undefined);
    });
  }

  it("the server's cookie comes back to the server with each request of that session, and of no other", async () => {
    await using stage = await openStage({ server: { initializeHeaders: { "set-cookie": "lb=7; HttpOnly" } } });
    await stage.session.post(ping);
    const [first] = stage.server.seen;
    assert.equal(first?.headers.cookie, "lb=7");
    assert.deepEqual(
      stage.server.opened.map(({ headers }) => headers.cookie),
      [undefined, "lb=7"],
    );
  });

  for (const [name, status] of [
    ["refuses", 401],
    ["cannot find", 404],
  ] as const) {
    it(`no credential comes in the error about a server that ${name} it and repeats it`, async () => {
      const canary = "canary-0123456789";
      await using server = await startRawServer({
        open: (seen, response) => {
          const body = `${String(seen.headers.authorization)} / ${String(seen.headers["x-api-key"])} is not welcome`;
          response.writeHead(status, { "www-authenticate": "Bearer" }).end(body);
        },
      });
      const args = ["--header", `Authorization: Bearer ${canary}`, "--header", `X-Api-Key: ${canary}-key`];
      await using holdfast = await startHoldfast(server.url, { args });
      const { text, headers } = await send(holdfast.url, { body: initialize });
      assert.match(text, /is not welcome/);
      assert.equal(headers["www-authenticate"], undefined);
      await holdfast.stop();
      assert.doesNotMatch(text, /canary/);
      assert.doesNotMatch(holdfast.output(), /canary/);
    });
  }
});

describe("hop by hop", () => {
  it("each side keeps its own connection, whatever the other says of its own", async () => {
    await using stage = await openStage({
      server: {
        respond: ({ body }, response) => {
          const id = /"id":(\d)/.exec(body.toString())?.[1] ?? "1";
          const headers = {
            "content-type": "application/json",
            connection: "close",
            trailer: "x-canary",
            upgrade: "canary",
          };
          response.writeHead(200, headers);
          response.addTrailers({ "x-canary": "1" });
          response.end(`{"jsonrpc":"2.0","id":${id},"result":{}}`);
        },
      },
    });
    const ask = (id: number, ...more: readonly string[]) => {
      const body = ping.replace("1,", `${id},`);
      const type = ["content-type: application/json", `content-length: ${body.length}`];
      const lines = ["POST /mcp HTTP/1.1", "host: localhost", ...type, `mcp-session-id: ${stage.session.id}`, ...more];
      return `${lines.join("\r\n")}\r\n\r\n${body}`;
    };
    const upgrading = await talk(stage.port, ask(1, "connection: upgrade", "upgrade: h2c"), /"id":1/);
    const plain = await talk(stage.port, ask(2) + ask(3), /"id":3/);
    assert.deepEqual(
      [...(upgrading + plain).matchAll(/HTTP\/1\.1 (\d+) /g)].map((match) => match[1]),
      ["200", "200", "200"],
    );
    assert.doesNotMatch(upgrading + plain, /canary|connection: close/i);
    for (const { headers } of stage.server.seen) assert.equal(headers.upgrade, undefined);
  });
});
