// Clients that speak HTTP+SSE or WebSocket: every message crosses in its own text and in order, admission holds, and a session belongs to whoever opened it.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import {
  connectWebSocket,
  initializeParams,
  openSse,
  refusedUpgrade,
  type WireClient,
} from "../support/wire-clients.ts";
import { eventually, openScene } from "./recovery-scene.ts";
import { nameOf, type Script, serve, startUpstream } from "./recovery-upstream.ts";

const timeout = 60_000;
const webSocketUrl = (port: number, path = "/ws") => `ws://127.0.0.1:${port}${path}`;

const wires: Readonly<
  Record<string, (port: number, headers?: Readonly<Record<string, string>>) => Promise<WireClient>>
> = {
  "HTTP+SSE": (port, headers = {}) => openSse(`http://127.0.0.1:${port}/sse`, { headers }),
  WebSocket: (port, headers = {}) => connectWebSocket(webSocketUrl(port), { headers }),
};

/** Holds back each tools/call until it is told to answer. */
function holding(): { readonly script: Script; readonly answerAll: () => void; readonly held: (() => void)[] } {
  const held: (() => void)[] = [];
  return {
    held,
    script: (seen, response) => {
      if (seen.message["method"] !== "tools/call") return undefined;
      held.push(() => serve(seen, response));
      return true;
    },
    answerAll: () => {
      for (const answer of held.splice(0)) answer();
    },
  };
}

for (const [wire, open] of Object.entries(wires)) {
  describe(`a client over ${wire}`, { timeout }, () => {
    it("has its calls answered, and their session restored when the server forgets it", async () => {
      await using scene = await openScene();
      await using client = await open(scene.holdfast.port);
      await client.initialize();
      assert.match(await client.ask(1, "tools/call", { name: "count", arguments: {} }), /"text":"1"/);
      await scene.order({ do: "forget", as: "404-json" });
      assert.match(await client.ask(2, "tools/call", { name: "echo", arguments: { text: "again" } }), /"text":"again"/);
      assert.equal((await scene.state()).received.initialize, 2);
    });

    it("gets the server's own text, and the server the client's", async () => {
      const odd =
        '{"id":1.0, "jsonrpc":"2.0","result":{"n":9007199254740993,"e":1E2,"s":"\\u00e9/\\/","x":{"future":[]}}}';
      await using upstream = await startUpstream(({ message }, response) => {
        if (message["method"] !== "odd/method") return undefined;
        response.writeHead(200, { "content-type": "application/json" }).end(odd);
        return true;
      });
      await using holdfast = await startHoldfast(upstream.url);
      await using client = await open(holdfast.port);
      await client.initialize();
      const sent =
        '{ "jsonrpc":"2.0","method":"odd/method","id":1.0,"params":{"n":12345678901234567890,"s":"\\u0041"} }';
      await client.send(sent);
      assert.equal(await client.when((text) => text.includes("future")), odd);
      assert.equal(upstream.seen.find(({ message }) => message["method"] === "odd/method")?.body, sent);
    });

    it("may send on without waiting: the server sees initialize first, then initialized, then the rest", async () => {
      await using upstream = await startUpstream();
      await using holdfast = await startHoldfast(upstream.url);
      await using client = await open(holdfast.port);
      await client.send({ jsonrpc: "2.0", id: 0, method: "initialize", params: initializeParams });
      await client.send({ jsonrpc: "2.0", method: "notifications/initialized" });
      await Promise.all([client.ask(1, "tools/list"), client.ask(2, "prompts/list")]);
      const names = upstream.names().filter((name) => name !== "GET");
      assert.deepEqual(names.slice(0, 2), ["initialize", "notifications/initialized"]);
      assert.deepEqual(names.slice(2).sort(), ["prompts/list", "tools/list"]);
    });

    it("hears what the server says of its own accord, and answers its questions", async () => {
      const question = '{"jsonrpc":"2.0","id":"q-1","method":"elicitation/create","params":{"message":"?"}}';
      const news = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}';
      await using upstream = await startUpstream(({ http }, response) => {
        if (http !== "GET") return undefined;
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(`data: ${question}\n\ndata: ${news}\n\n`);
        return true;
      });
      await using holdfast = await startHoldfast(upstream.url);
      await using client = await open(holdfast.port);
      await client.initialize();
      assert.equal(await client.when((text) => text.includes("q-1")), question);
      assert.equal(await client.when((text) => text.includes("list_changed")), news);
      const answer = '{"jsonrpc":"2.0","id":"q-1","result":{"action":"accept","content":{}}}';
      await client.send(answer);
      await client.ask(3, "ping");
      assert.equal(upstream.seen.find((seen) => nameOf(seen) === "response")?.body, answer);
    });

    it("is told when it calls before initialize, when its message is none, and when the server refuses in HTTP's own words", async () => {
      await using upstream = await startUpstream(({ message }, response) => {
        if (message["method"] === "refused/plainly") {
          response.writeHead(403, { "content-type": "text/plain" }).end("not you");
          return true;
        }
        if (message["method"] !== "refused/namelessly") return undefined;
        response.writeHead(403, { "content-type": "application/json" });
        response.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32050,"message":"not this"}}');
        return true;
      });
      await using holdfast = await startHoldfast(upstream.url);
      await using client = await open(holdfast.port);
      assert.match(await client.ask(1, "tools/list"), /"code":"NOT_INITIALIZED"/);
      await client.initialize();
      const plain = await client.ask(2, "refused/plainly");
      assert.match(plain, /"code":"REFUSED_BY_SERVER"/);
      assert.match(plain, /"upstream":\{"status":403,"contentType":"text\/plain","body":"not you"\}/);
      assert.equal(
        await client.ask(3, "refused/namelessly"),
        '{"jsonrpc":"2.0","id":3,"error":{"code":-32050,"message":"not this"}}',
      );
    });

    it("gets an answer of 20 MB, and beyond --max-body the error that says so", async () => {
      const large = JSON.stringify({ jsonrpc: "2.0", id: 1, result: { text: "x".repeat(20 * 1024 * 1024) } });
      await using upstream = await startUpstream(({ message }, response) => {
        if (message["method"] !== "tools/call") return undefined;
        response.writeHead(200, { "content-type": "text/event-stream" }).end(`data: ${large}\n\n`);
        return true;
      });
      await using holdfast = await startHoldfast(upstream.url, { args: ["--max-body", String(large.length)] });
      await using client = await open(holdfast.port);
      await client.initialize();
      assert.equal((await client.ask(1, "tools/call")) === large, true);
      await using small = await startHoldfast(upstream.url, { args: ["--max-body", String(large.length - 1)] });
      await using refused = await open(small.port);
      await refused.initialize();
      assert.match(await refused.ask(1, "tools/call"), /"code":"ANSWER_TOO_LARGE"/);
    });

    it("gets the answer under way before Holdfast ends", async () => {
      const { script, held, answerAll } = holding();
      await using upstream = await startUpstream(script);
      await using holdfast = await startHoldfast(upstream.url);
      await using client = await open(holdfast.port);
      await client.initialize();
      const answer = client.ask(1, "tools/call", { name: "hold" });
      while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const stopped = holdfast.stop();
      const isStopping = async () => (await fetch(holdfast.url)).status === 503 || undefined;
      await eventually(isStopping, "the stop under way");
      answerAll();
      assert.match(await answer, /"result"/);
      assert.equal(await stopped, 0);
    });

    it("is refused with a foreign Origin or Host, and without the token", async () => {
      await using upstream = await startUpstream();
      await using holdfast = await startHoldfast(upstream.url, { args: ["--token", "s3cret-token"] });
      const token = { authorization: "Bearer s3cret-token" };
      const refused = async (headers: Readonly<Record<string, string>>) =>
        wire === "WebSocket"
          ? refusedUpgrade(webSocketUrl(holdfast.port), headers)
          : rawGet(holdfast.port, "/sse", headers);
      for (const [headers, status, code] of [
        [{ ...token, origin: "https://evil.example" }, 403, "ORIGIN_REFUSED"],
        [{ ...token, host: "evil.example" }, 403, "HOST_REFUSED"],
        [{}, 401, "TOKEN_REQUIRED"],
        [{ authorization: "Bearer other-token" }, 401, "TOKEN_REQUIRED"],
      ] as const) {
        const [seen, body] = await refused(headers);
        assert.equal(seen, status, code);
        assert.match(body, new RegExp(code));
      }
      await using client = await open(holdfast.port, token);
      await client.initialize();
      assert.match(await client.ask(1, "ping"), /"result"/);
    });
  });
}

/** With a Host header of one's own, which fetch does not send. */
function rawGet(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<readonly [number, string]> {
  const lines = Object.entries({ host: `127.0.0.1:${port}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(`GET ${path} HTTP/1.1\r\nconnection: close\r\n${lines.join("")}\r\n`);
    });
    let text = "";
    socket.setEncoding("utf8").on("data", (part: string) => (text += part));
    socket.once("error", reject);
    socket.once("close", () => resolve([Number(text.slice(9, 12)), text]));
  });
}
