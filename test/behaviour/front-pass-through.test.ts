// `--front` beside the MCP endpoint: every other exchange passes as through any reverse proxy, and what is said about its origin is believed of proxies only.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { describe, it } from "node:test";
import { openSession } from "../support/front.ts";
import { type Holdfast, startHoldfast } from "../support/holdfast.ts";

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: number;
  readonly sha256: string;
  /** Names as they came, in lower case. */
  readonly names: readonly string[];
}

/** A server of plain HTTP that answers as its path says. */
type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function echo(asked: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of asked) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  const { method, url, headers } = asked;
  const names = asked.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ method, url, headers, bytes, sha256: hash.digest("hex"), names }));
}

async function plainServer(answers: Readonly<Record<string, Answer>> = {}) {
  const server = createServer((asked, response) => {
    const path = new URL(asked.url ?? "/", "http://host").pathname;
    const answer = answers[path];
    if (answer !== undefined) answer(asked, response);
    else void echo(asked, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Asked {
  readonly method?: string;
  readonly path?: string;
  /** A list keeps what a record cannot hold twice. */
  readonly headers?: Readonly<Record<string, string>> | readonly string[];
  readonly body?: string | Buffer;
}

/** fetch sets Host, follows redirects and joins headers by itself; this does none of it. */
function ask({ port }: Holdfast, { method = "GET", path = "/any", headers = {}, body }: Asked) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; raw: readonly string[]; text: string }>(
    (resolve, reject) => {
      const sent = request({ port, host: "127.0.0.1", method, path, headers, agent: false });
      sent.setTimeout(20_000, () => sent.destroy(new Error("no answer")));
      sent.once("error", reject);
      sent.once("response", (response) => {
        let text = "";
        response.setEncoding("latin1");
        response.on("data", (chunk: string) => (text += chunk));
        response.once("error", reject);
        response.once("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, raw: response.rawHeaders, text }),
        );
      });
      sent.end(body);
    },
  );
}

const echoed = async (holdfast: Holdfast, asked: Asked): Promise<Echo> => {
  const { status, text } = await ask(holdfast, asked);
  assert.equal(status, 200, text);
  return JSON.parse(text) as Echo;
};

const front = (url: string, ...args: string[]) => startHoldfast(url, { args: ["--front", ...args] });

describe("a path that is not the MCP endpoint", () => {
  it("passes method, path, query, headers and body unchanged", async () => {
    await using server = await plainServer();
    await using holdfast = await front(server.url);
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
      const body = method === "GET" || method === "OPTIONS" ? undefined : `${method} body`;
      const length: Record<string, string> = body === undefined ? {} : { "content-length": String(body.length) };
      const got = await echoed(holdfast, {
        method,
        path: "/deep/er%2Fpath?a=1&a=2&empty=&q=%C3%A9",
        headers: {
          "x-own": "yes",
          cookie: "a=b; c=d",
          authorization: "Basic eDp5",
          "mcp-session-id": "theirs",
          ...length,
        },
        ...(body === undefined ? {} : { body }),
      });
      assert.deepEqual([got.method, got.url], [method, "/deep/er%2Fpath?a=1&a=2&empty=&q=%C3%A9"]);
      assert.deepEqual(
        [got.headers["x-own"], got.headers.cookie, got.headers.authorization, got.headers["mcp-session-id"]],
        ["yes", "a=b; c=d", "Basic eDp5", "theirs"],
      );
      assert.equal(got.bytes, body?.length ?? 0);
    }
    assert.equal((await echoed(holdfast, { method: "POST", headers: { "content-length": "0" } })).bytes, 0);
  });

  it("passes bodies of any framing and size whole", async () => {
    await using server = await plainServer();
    await using holdfast = await front(server.url);
    const body = Buffer.alloc(5_000_000, "0123456789abcdef");
    const sha256 = createHash("sha256").update(body).digest("hex");
    for (const framing of [{ "content-length": String(body.length) }, { "transfer-encoding": "chunked" }]) {
      const got = await echoed(holdfast, { method: "PUT", headers: framing, body });
      assert.deepEqual([got.bytes, got.sha256], [body.length, sha256]);
    }
  });

  it("gets the server's status, headers and cookies as they are, and follows no redirect", async () => {
    await using server = await plainServer({
      "/moved": (_asked, response) => response.writeHead(302, { location: "http://127.0.0.1:9/elsewhere?x=1" }).end(),
      "/gone": (_asked, response) => response.writeHead(404, { "content-type": "text/html" }).end("<h1>no</h1>"),
      "/cookies": (_asked, response) => response.writeHead(204, { "set-cookie": ["a=1; Path=/", "b=2"] }).end(),
      "/odd": (_asked, response) =>
        response
          .writeHead(200, {
            "content-disposition": `attachment; filename="${Buffer.from("日本é").toString("latin1")}"`,
          })
          .end("\xff\x00", "latin1"),
      "/length": (_asked, response) => response.writeHead(200, { "content-length": "12345", etag: '"e"' }).end(),
    });
    await using holdfast = await front(server.url);
    const moved = await ask(holdfast, { path: "/moved" });
    assert.deepEqual([moved.status, moved.headers.location], [302, "http://127.0.0.1:9/elsewhere?x=1"]);
    const gone = await ask(holdfast, { path: "/gone" });
    assert.deepEqual([gone.status, gone.headers["content-type"], gone.text], [404, "text/html", "<h1>no</h1>"]);
    const cookies = await ask(holdfast, { path: "/cookies" });
    assert.deepEqual([cookies.status, cookies.headers["set-cookie"]], [204, ["a=1; Path=/", "b=2"]]);
    const odd = await ask(holdfast, { path: "/odd" });
    const name = Buffer.from(odd.headers["content-disposition"] ?? "", "latin1").toString();
    assert.deepEqual([name, odd.text], ['attachment; filename="日本é"', "\xff\x00"]);
    const head = await ask(holdfast, { method: "HEAD", path: "/length" });
    assert.deepEqual(
      [head.status, head.headers["content-length"], head.headers.etag, head.text],
      [200, "12345", '"e"', ""],
    );
  });

  it("streams both ways while the exchange is still open", async () => {
    await using server = await plainServer({
      "/duplex": (asked, response) => {
        response.writeHead(200, { "content-type": "text/plain" });
        asked.pipe(response);
      },
    });
    await using holdfast = await front(server.url);
    const sent = request({ port: holdfast.port, host: "127.0.0.1", method: "POST", path: "/duplex", agent: false });
    sent.write("ping");
    const response = await new Promise<IncomingMessage>((resolve) => sent.once("response", resolve));
    const [first] = (await new Promise((resolve) => response.once("data", (chunk: Buffer) => resolve([chunk])))) as [
      Buffer,
    ];
    assert.equal(first.toString(), "ping");
    sent.end();
    await new Promise((resolve) => response.resume().once("end", resolve));
  });

  it("lets go of the server when the client leaves before any answer", async () => {
    const { promise: asked, resolve } = Promise.withResolvers<ServerResponse>();
    await using server = await plainServer({ "/hang": (_request, response) => resolve(response) });
    await using holdfast = await front(server.url);
    const sent = request({ port: holdfast.port, host: "127.0.0.1", path: "/hang", agent: false });
    sent.once("error", () => {});
    sent.end();
    const closed = once(await asked, "close", { signal: AbortSignal.timeout(5_000) });
    sent.destroy();
    await closed;
  });

  it("answers a WebSocket handshake without switching protocols", async () => {
    await using server = await plainServer({ "/ws": (_asked, response) => response.writeHead(426).end() });
    await using holdfast = await front(server.url);
    const status = await new Promise<string>((resolve, reject) => {
      const socket = connect(holdfast.port, "127.0.0.1", () =>
        socket.write(
          `GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
        ),
      );
      socket.once("error", reject);
      socket.once("data", (bytes: Buffer) => {
        socket.destroy();
        resolve(bytes.toString().split("\r\n")[0] ?? "");
      });
    });
    assert.match(status, /^HTTP\/1\.1 426/);
  });

  it("refuses request targets that only a forward proxy takes", async () => {
    await using server = await plainServer();
    await using holdfast = await front(server.url);
    for (const path of ["http://127.0.0.1:9/secret", "*"]) {
      assert.equal((await ask(holdfast, { method: path === "*" ? "OPTIONS" : "GET", path })).status, 404);
    }
    assert.equal((await ask(holdfast, {})).status, 200);
  });
});

describe("a header that says who asks", () => {
  it("reaches the server once, and it is the one that Holdfast goes by", async () => {
    await using server = await plainServer();
    await using holdfast = await front(server.url);
    const headers = ["host", "127.0.0.1", "authorization", "Bearer one", "Authorization", "Bearer two"];
    const { names, headers: got } = await echoed(holdfast, { headers });
    assert.equal(names.filter((name) => name === "authorization").length, 1);
    assert.equal(got.authorization, "Bearer one");
  });
});

describe("where a request comes from", () => {
  it("is what the connection says, whatever the client claims", async () => {
    await using server = await plainServer();
    await using holdfast = await front(server.url);
    const { headers } = await echoed(holdfast, {
      headers: {
        host: "127.0.0.1:1234",
        "x-forwarded-for": "1.2.3.4",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "bank.example",
        "x-forwarded-port": "443",
        x_forwarded_for: "5.6.7.8",
        "x-real-ip": "1.2.3.4",
        forwarded: "for=1.2.3.4",
      },
    });
    assert.deepEqual(
      [headers["x-forwarded-for"], headers["x-forwarded-proto"], headers["x-forwarded-host"], headers.host],
      ["127.0.0.1", "http", "127.0.0.1:1234", "127.0.0.1:1234"],
    );
    assert.deepEqual(
      [headers["x-forwarded-port"], headers["x_forwarded_for"], headers["x-real-ip"], headers.forwarded],
      [undefined, undefined, undefined, undefined],
    );
  });

  it("is what a trusted proxy says, with the proxy added", async () => {
    await using server = await plainServer();
    await using holdfast = await front(server.url, "--trust-proxy", "127.0.0.0/8");
    const { headers } = await echoed(holdfast, {
      headers: {
        "x-forwarded-for": "1.2.3.4",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "mcp.example.com",
        "x-real-ip": "1.2.3.4",
      },
    });
    assert.deepEqual(
      [headers["x-forwarded-for"], headers["x-forwarded-proto"], headers["x-forwarded-host"], headers["x-real-ip"]],
      ["1.2.3.4, 127.0.0.1", "https", "mcp.example.com", "1.2.3.4"],
    );
  });

  it("is refused for a host that is not allowed, and passes as it came for one that is", async () => {
    await using server = await plainServer();
    await using holdfast = await front(server.url, "--allowed-host", "mcp.example.com");
    assert.equal((await ask(holdfast, { headers: { host: "evil.example" } })).status, 403);
    assert.equal((await echoed(holdfast, { headers: { host: "mcp.example.com" } })).headers.host, "mcp.example.com");
  });
});

describe("the Origin of a page", () => {
  const initialize = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: {} });
  const json = { "content-type": "application/json", accept: "application/json, text/event-stream" };

  it("is the server's to judge beside the endpoint, where login pages are posted to from elsewhere", async () => {
    await using server = await plainServer();
    await using holdfast = await front(server.url);
    for (const origin of ["https://idp.example", "null"]) {
      const { headers } = await echoed(holdfast, { method: "POST", path: "/callback", headers: { origin }, body: "x" });
      assert.equal(headers.origin, origin);
    }
  });

  it("is refused at the endpoint unless the operator allows its host", async () => {
    await using server = await plainServer();
    await using holdfast = await front(server.url, "--allowed-host", "app.example.com");
    const post = (origin: string) =>
      ask(holdfast, { method: "POST", path: "/mcp", headers: { ...json, origin }, body: initialize });
    assert.equal((await post("https://evil.example")).status, 403);
    assert.equal((await post("null")).status, 403);
    assert.notEqual((await post("https://app.example.com")).status, 403);
    for (const path of ["/mcp/", "/mcp?x=1"]) {
      const headers = { ...json, origin: "https://evil.example" };
      assert.equal((await ask(holdfast, { method: "POST", path, headers, body: initialize })).status, 403);
    }
  });

  it("leaves the preflight to the server", async () => {
    const cors = {
      "access-control-allow-origin": "https://app.example.com",
      "access-control-allow-headers": "mcp-session-id",
    };
    await using server = await plainServer({
      "/mcp": (asked, response) => response.writeHead(asked.method === "OPTIONS" ? 204 : 500, cors).end(),
    });
    await using holdfast = await front(server.url);
    const headers = { origin: "https://app.example.com", "access-control-request-method": "POST" };
    const preflight = await ask(holdfast, { method: "OPTIONS", path: "/mcp", headers });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers["access-control-allow-origin"], "https://app.example.com");
    assert.equal(preflight.headers["access-control-allow-headers"], "mcp-session-id");
  });
});

describe("the MCP endpoint without a session", () => {
  it("answers as the server does for whatever opens no session", async () => {
    await using server = await plainServer();
    await using holdfast = await front(server.url);
    for (const method of ["GET", "HEAD", "PUT", "DELETE"]) {
      const { status, text } = await ask(holdfast, { method, path: "/mcp?page=1", headers: { accept: "text/html" } });
      assert.equal(status, 200);
      if (method !== "HEAD") assert.equal((JSON.parse(text) as Echo).url, "/mcp?page=1");
    }
    const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
    const got = await echoed(holdfast, {
      method: "POST",
      path: "/mcp",
      headers: { "content-type": "application/json" },
      body,
    });
    assert.deepEqual([got.bytes, got.headers["content-type"]], [body.length, "application/json"]);
  });
});

describe("the cookie that routes a session to its replica", () => {
  it("is sent in place of the client's own of that name, beside the client's others", async () => {
    const result = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "sticky", version: "1" } };
    const seen: (string | undefined)[] = [];
    await using server = await plainServer({
      "/mcp": (asked, response) => {
        seen.push(asked.headers.cookie);
        const headers = {
          "content-type": "application/json",
          "mcp-session-id": "s",
          "set-cookie": "replica=b; Path=/",
        };
        asked
          .resume()
          .once("end", () => response.writeHead(200, headers).end(JSON.stringify({ jsonrpc: "2.0", id: 1, result })));
      },
    });
    await using holdfast = await front(server.url);
    const cookie = "replica=a; theme=dark";
    const session = await openSession(holdfast.url, { headers: { cookie } });
    assert.match(session, /^.{32}$/);
    assert.deepEqual(seen, [cookie, "replica=b; theme=dark"]);
  });
});

describe("a server that is away for a moment", () => {
  it("is waited for by what it could not take", async () => {
    const gate = createServer();
    await new Promise<void>((resolve) => gate.listen(0, "127.0.0.1", resolve));
    const { port } = gate.address() as AddressInfo;
    await new Promise((resolve) => gate.close(resolve));
    await using holdfast = await front(`http://127.0.0.1:${port}/mcp`);
    const waiting = [
      echoed(holdfast, { path: "/.well-known/oauth-authorization-server" }),
      echoed(holdfast, { method: "POST", path: "/token", headers: { "content-length": "4" }, body: "a=bc" }),
    ];
    const late = createServer((asked, response) => void echo(asked, response));
    await new Promise<void>((resolve) => setTimeout(resolve, 300));
    await new Promise<void>((resolve) => late.listen(port, "127.0.0.1", resolve));
    const [page, token] = await Promise.all(waiting);
    assert.deepEqual([page?.url, token?.bytes], ["/.well-known/oauth-authorization-server", 4]);
    late.closeAllConnections();
    await new Promise((resolve) => late.close(resolve));
  });
});

describe("flags that do not go together", () => {
  it("are refused at the start with the reason", async () => {
    await assert.rejects(front("http://127.0.0.1:9/mcp", "--token", "0123456789"), /--token .* and --front/);
    await assert.rejects(front("http://127.0.0.1:9/mcp", "--principal", "header:x-user"), /needs --trust-proxy/);
    await assert.rejects(front("http://127.0.0.1:9/mcp", "--trust-proxy", "nonsense"), /no address and no CIDR/);
  });
});
