// Streams through the edges of docs/ as they are documented: nothing is held back, nothing quiet is cut, and what an edge cuts goes on.
import assert from "node:assert/strict";
import { describe } from "node:test";
import { documentedEdge } from "../support/documented-edges.ts";
import { withoutOwnText } from "../support/own-ids.ts";
import { itWith } from "../support/parts.ts";
import { eventData, openSession } from "../support/raw-client.ts";
import { call, lastOwnId, listen, news, nth, openStage, result } from "./streams-scene.ts";

const allowed = ["--allowed-host", "mcp.example.com"];
/** No human notices less. A busy machine needs some of it for itself. */
const atOnceMs = 500;

for (const part of ["nginx", "caddy"] as const) {
  describe(`a stream through ${part}`, () => {
    itWith([part], `of the session's own comes through ${part} event by event, at once`, async () => {
      await using stage = await openStage({ args: allowed });
      await using edge = await documentedEdge(part, { withLogin: stage.holdfast.port });
      const session = await openSession(edge.loginUrl);
      const stream = await listen(session);
      await stream.until("data: \n\n");
      const server = await nth(stage.gets, 1);
      for (let count = 1; count <= 5; count += 1) {
        const sentMs = performance.now();
        server.write(news(`${count}`));
        await stream.until(`news/${count}`);
        assert.ok(performance.now() - sentMs < atOnceMs, `event ${count} took ${performance.now() - sentMs} ms`);
      }
      stream.leave();
    });

    itWith(
      [part],
      `that was opened for a late answer comes through ${part}, and goes on after ${part} restarted`,
      async () => {
        await using stage = await openStage({ args: [...allowed, "--stream-open-after", "0.2"] });
        await using edge = await documentedEdge(part, { withLogin: stage.holdfast.port });
        const session = await openSession(edge.loginUrl);
        const early = await session.open({ body: call(1) });
        await early.until("\n\n");
        await edge.restart({ signal: "SIGKILL" });
        await early.ended;
        (await nth(stage.calls, 1)).writeHead(200, { "content-type": "application/json" }).end(result(1));
        const rest = await listen(session, lastOwnId(early.text()));
        await rest.ended;
        assert.deepEqual(eventData(rest.text()), [result(1)]);
      },
    );
  });
}

describe("a quiet stream through an edge that cuts what is quiet", () => {
  for (const [name, keepAlive, survives] of [
    ["stays open, since it is given comments", "0.3", true],
    ["would be cut without them", "60", false],
  ] as const) {
    itWith(["nginx"], name, async () => {
      await using stage = await openStage({ args: [...allowed, "--keep-alive", keepAlive] });
      await using edge = await documentedEdge("nginx", { withLogin: stage.holdfast.port, readTimeout: "1s" });
      const session = await openSession(edge.loginUrl);
      const stream = await listen(session);
      const cut = stream.ended.then(() => true);
      const wasCut = await Promise.race([
        cut,
        new Promise<false>((resolve) => setTimeout(() => resolve(false), 3_000)),
      ]);
      assert.equal(wasCut, !survives);
      if (!survives) return;
      (await nth(stage.gets, 1)).write(news("late"));
      await stream.until("news/late");
      assert.equal(withoutOwnText(stream.text()), news("late"));
      stream.leave();
    });
  }
});
