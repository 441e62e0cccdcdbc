// Streams that answer more than one request, or the first one of all: batches of 2025-03-26, and initialize.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startHoldfast } from "../support/holdfast.ts";
import { ownIds, withoutOwnText } from "../support/own-ids.ts";
import { eventData, open, send } from "../support/raw-client.ts";
import { openEvents, startRawServer } from "../support/raw-server.ts";
import { call, lastOwnId, listen, nth, openStage, progress, result } from "./streams-scene.ts";

describe("the stream that answers a batch", () => {
  /** A client that leaves when it has the answer to the second of two. */
  async function leftAfterOne(stage: Awaited<ReturnType<typeof openStage>>) {
    const opening = stage.session.open({ body: `[${call(1)},${call(2)}]` });
    const answer = openEvents(await nth(stage.calls, 1));
    answer.write(`data: ${result(2)}\n\n`);
    const torn = await opening;
    await torn.until('"id":2');
    torn.leave();
    await torn.ended;
    return { answer, torn };
  }

  it("goes on where its client left off, with each answer once", async () => {
    await using stage = await openStage({ version: "2025-03-26" });
    const { answer, torn } = await leftAfterOne(stage);
    answer.end(`${progress(1)}data: ${result(1)}\n\n`);
    const rest = await listen(stage.session, lastOwnId(torn.text()));
    await rest.ended;
    assert.equal(withoutOwnText(rest.text()), `${progress(1)}data: ${result(1)}\n\n`);
    assert.equal(stage.server.seen.filter(({ method }) => method === "POST").length, 1);
  });

  it("brings an error for the request alone that was not answered when the server broke it off", async () => {
    await using stage = await openStage({ version: "2025-03-26" });
    const { answer, torn } = await leftAfterOne(stage);
    answer.destroy();
    const rest = await listen(stage.session, lastOwnId(torn.text()));
    await rest.ended;
    const messages = eventData(rest.text()).map((text) => JSON.parse(text));
    assert.deepEqual(
      messages.map(({ id, error }) => [id, error?.data.code]),
      [[1, "OUTCOME_UNKNOWN"]],
    );
  });
});

describe("the stream that answers initialize", () => {
  const initialize = JSON.stringify({
    jsonrpc: "2.0",
    id: "first",
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "c", version: "1" } },
  });
  const answer = result("first", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    serverInfo: { name: "s", version: "1" },
  });

  it("comes as the server sent it, without the server's event ids, and what is presented from it opens the standing stream", async () => {
    await using server = await startRawServer({
      open: (_seen, response) => {
        response.writeHead(200, { "content-type": "text/event-stream", "mcp-session-id": "s1" });
        response.end(`id: server-1\ndata: \n\nid: server-2\ndata: ${answer}\n\n`);
      },
      respond: ({ method, body }, response) => {
        if (method === "GET") openEvents(response).write(`data: {"jsonrpc":"2.0","method":"news/1"}\n\n`);
        else if (method === "POST" && body.includes('"id"')) response.writeHead(404).end();
        else response.writeHead(method === "POST" ? 202 : 200).end();
      },
    });
    await using holdfast = await startHoldfast(server.url);
    const opened = await send(holdfast.url, { body: initialize });
    assert.equal(opened.status, 200);
    assert.deepEqual(eventData(opened.text), [answer]);
    assert.doesNotMatch(opened.text, /server-/);
    const headers = {
      accept: "text/event-stream",
      "mcp-session-id": String(opened.headers["mcp-session-id"]),
      "mcp-protocol-version": "2025-11-25",
    };
    await send(holdfast.url, { headers, body: '{"jsonrpc":"2.0","method":"notifications/initialized"}' });
    const lastId = ownIds(opened.text).at(-1);
    const last = lastId === undefined ? {} : { "last-event-id": lastId };
    const stream = await open(holdfast.url, { method: "GET", headers: { ...headers, ...last } });
    await stream.until("news/1");
    stream.leave();
  });
});
