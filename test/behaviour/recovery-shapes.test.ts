// Every known way of saying "this session is gone", met by a call, by a notification and by a stream that is opened again.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Shape, type ShapeName, shapes } from "../../src/chaos/shapes.ts";
import { connect, errorCode, openScene, type Scene, toolText } from "./recovery-scene.ts";

const names = Object.keys(shapes) as readonly ShapeName[];

/** Shapes that are no proof of a loss, or whose request may have run: what a tool call meets there instead of being healed. */
const otherwise: Partial<Record<ShapeName, { readonly status: number; readonly code: unknown; readonly why: string }>> =
  {
    "403-user": { status: 403, code: undefined, why: "a refusal of the person, which no new session cures" },
    "403-owner": { status: 403, code: -32002, why: "a refusal of the person, which no new session cures" },
    "500-python": { status: 200, code: "OUTCOME_UNKNOWN", why: "the call was running when its session ended" },
    "500-cloudflare": {
      status: 200,
      code: "OUTCOME_UNKNOWN",
      why: "the server is away, and the call may have reached it",
    },
    "503-empty": { status: 200, code: "OUTCOME_UNKNOWN", why: "a gateway says the same of a server that is away" },
    "200-python": {
      status: 200,
      code: -32602,
      why: "malformed params are refused so, and ping says the session lives",
    },
    "200-not-connected": {
      status: 200,
      code: -32603,
      why: "the session lives, its child is dead: no new session cures that",
    },
  };

const isSilent = (name: ShapeName) => (shapes[name] as Shape).silent === true;
const healed = names.filter((name) => otherwise[name] === undefined && !isSilent(name));
/** Inside a 200 a notification gets no answer at all, so nobody can see that it was lost. */
const healedForNotifications = healed.filter((name) => shapes[name].status !== 200);

describe("a session that the server has forgotten", () => {
  let scene: Scene;
  before(async () => {
    scene = await openScene();
  });
  after(async () => scene[Symbol.asyncDispose]());

  /** A session in use, which the server then forgets in that way. */
  const forgotten = async (name: ShapeName) => {
    const client = await connect(scene.holdfast.url);
    assert.equal(toolText(await client.call("echo", { text: name })), name);
    const { sessions, received } = await scene.state();
    const id = sessions.list.at(-1)?.id;
    await scene.order({ do: "forget-one", as: name, session: id });
    return { client, id, initializes: received.initialize };
  };

  for (const name of healed) {
    it(`answers a call refused as ${name} (${shapes[name].who}) after running it once`, async () => {
      const { client, initializes } = await forgotten(name);
      const answer = await client.call("count", { key: name });
      assert.match(toolText(answer), /^\d+$/);
      const { executions, received } = await scene.state();
      assert.equal(executions["count"]?.[name], 1);
      assert.equal(received.initialize, initializes + 1);
    });
  }

  for (const name of names.filter(isSilent)) {
    it(`runs a call once where the dead id is taken in silence (${name})`, async () => {
      const { client } = await forgotten(name);
      assert.match(toolText(await client.call("count", { key: name })), /^\d+$/);
      assert.equal((await scene.state()).executions["count"]?.[name], 1);
    });
  }

  for (const [name, { status, code, why }] of Object.entries(otherwise)) {
    it(`opens no session for a call refused as ${name}: ${why}`, async () => {
      const { client, initializes } = await forgotten(name as ShapeName);
      const answer = await client.call("count", { key: name });
      assert.equal(answer.status, status, answer.text);
      assert.equal(errorCode(answer), code, answer.text);
      const { executions, received } = await scene.state();
      assert.equal(executions["count"]?.[name], undefined);
      assert.equal(received.initialize, initializes);
    });
  }

  for (const name of healedForNotifications) {
    it(`delivers a notification refused as ${name}, once`, async () => {
      const { client, initializes } = await forgotten(name);
      const method = "notifications/roots/list_changed";
      const told = await client.notify(method);
      assert.equal(told.status, 202, told.text);
      const { requests, received, sessions } = await scene.state();
      const fresh = sessions.list.at(-1)?.id;
      const taken = requests.filter(
        ({ method: sent, session, status }) => sent === method && session === fresh && status === 202,
      );
      assert.equal(taken.length, 1);
      assert.equal(received.initialize, initializes + 1);
    });
  }

  for (const name of healed) {
    it(`opens the stream again after ${name} although no call asks for it`, async () => {
      const client = await connect(scene.holdfast.url);
      await client.call("echo", { text: name });
      const listener = await client.listen();
      const { sessions, received } = await scene.state();
      const dead = sessions.list.find((session) => session.getOpen)?.id;
      await scene.order({ do: "forget-one", as: name, session: dead });
      const { sessions: now, received: since } = await scene.stateWhen(
        (state) => state.sessions.list.some((session) => session.getOpen && session.id !== dead),
        "a stream on the new session",
      );
      assert.equal(since.initialize, received.initialize + 1);
      await scene.order({ do: "notify", what: "message", level: "error", data: `after ${name}` });
      await listener.next((message) => JSON.stringify(message).includes(`after ${name}`));
      listener.close();
      const deleted = await fetch(client.url, { method: "DELETE", headers: client.headers });
      assert.equal(deleted.status, 200);
      const ended = now.list.find((session) => session.getOpen)?.id;
      await scene.stateWhen((state) => state.sessions.list.every(({ id }) => id !== ended), "the end of the session");
    });
  }
});
