// Between the eras where it is hard to tell who is meant: questions that name no call, errors that ask, how many sessions a caller may hold, and whose they are in front mode.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type AskingServer, startAskingServer, type ToolCall, text } from "../support/asking-server.ts";
import { startEraServer } from "../support/era-server.ts";
import { type Holdfast, type HoldfastOptions, startHoldfast } from "../support/holdfast.ts";
import { type Asked, ask, type ModernAsk, said } from "../support/modern-client.ts";
import { openSession, send } from "../support/raw-client.ts";

const call = (name: string, more: object = {}): ModernAsk => ({ params: { name, arguments: {} }, ...more });
const elicits = { capabilities: { elicitation: {} } };
const opensUrls = { capabilities: { elicitation: { url: {} } } };

async function withServer(
  use: (server: AskingServer, url: string, holdfast: Holdfast) => Promise<void>,
  onCall?: (call: ToolCall) => void,
  options: HoldfastOptions = {},
): Promise<void> {
  await using server = await startAskingServer(onCall);
  await using holdfast = await startHoldfast(server.url, options);
  await use(server, holdfast.url, holdfast);
}

/** The retry that answers the one question of this answer. */
function retry({ message }: Asked, response: object, options: ModernAsk): ModernAsk {
  const { inputRequests, requestState } = message.result;
  const [key = ""] = Object.keys(inputRequests);
  return { ...options, params: { ...options.params, requestState, inputResponses: { [key]: response } } };
}

describe("a legacy server that answers a call with -32042, for its user must visit a page first", () => {
  const elicitations = [{ mode: "url", elicitationId: "e-1", url: "https://example.com/in", message: "Sign in" }];
  const error = JSON.stringify({ code: -32042, message: "Sign in first", data: { elicitations } });
  const signIn = ({ answer }: ToolCall, times: number) => answer(times === 1 ? `"error":${error}` : text("in"));

  it("has its modern client asked to, and is called again when the client has done so", async () => {
    let times = 0;
    await withServer(
      async (server, url) => {
        const first = await ask(url, "tools/call", call("read", opensUrls));
        assert.equal(first.message.result?.resultType, "input_required", first.text);
        assert.deepEqual(Object.values(first.message.result.inputRequests), [
          { method: "elicitation/create", params: { mode: "url", url: "https://example.com/in", message: "Sign in" } },
        ]);
        const second = await ask(url, "tools/call", retry(first, { action: "accept" }, call("read", opensUrls)));
        assert.equal(said(second), "in");
        assert.equal(server.calls.length, 2);
        const [, again] = server.raw.seen.filter(({ body }) => body.includes('"tools/call"'));
        assert.ok(!/inputResponses|requestState/.test(String(again?.body)), String(again?.body));
      },
      (one) => signIn(one, (times += 1)),
    );
  });

  it("is refused for a client that cannot open pages, with what that client lacks", () =>
    withServer(
      async (_server, url) => {
        const { status, message } = await ask(url, "tools/call", call("read", elicits));
        assert.deepEqual([status, message.error?.code], [400, -32021]);
        assert.deepEqual(message.error?.data.requiredCapabilities, { elicitation: { url: {} } });
      },
      (one) => signIn(one, 1),
    ));
});

describe("a legacy server that asks on its GET stream, without saying for which call", () => {
  const question = (id: number) =>
    `{"jsonrpc":"2.0","id":${id},"method":"elicitation/create","params":{"message":"Go on?","requestedSchema":{"type":"object","properties":{}}}}`;

  it("asks the client of the one call that is under way", () =>
    withServer(async (server, url) => {
      const asking = ask(url, "tools/call", call("read", elicits));
      await server.until(() => server.calls.length === 1);
      const [first] = server.calls as [ToolCall];
      await server.tell(first.session, question(7));
      const parked = await asking;
      assert.equal(parked.message.result?.resultType, "input_required", parked.text);
      const answered = ask(url, "tools/call", retry(parked, { action: "accept", content: {} }, call("read", elicits)));
      await server.until(() => server.answers.length === 1);
      assert.deepEqual(JSON.parse(server.answers[0] ?? ""), {
        jsonrpc: "2.0",
        id: 7,
        result: { action: "accept", content: {} },
      });
      first.answer(text("went on"));
      assert.equal(said(await answered), "went on");
    }));

  it("is told that the user cancelled where two calls are under way, and from then on such calls are kept apart", () =>
    withServer(async (server, url, holdfast) => {
      const asking = [1, 2].map((id) => ask(url, "tools/call", call("read", { ...elicits, id })));
      await server.until(() => server.calls.length === 2);
      const [one, two] = server.calls as [ToolCall, ToolCall];
      assert.equal(one.session, two.session);
      await server.tell(one.session, question(8));
      await server.until(() => server.answers.length === 1);
      assert.deepEqual(JSON.parse(server.answers[0] ?? "").result, { action: "cancel" });
      for (const { answer } of [one, two]) answer(text("without"));
      for (const answer of await Promise.all(asking)) assert.equal(said(answer), "without");
      const apart = [3, 4].map((id) => ask(url, "tools/call", call("read", { ...elicits, id })));
      await server.until(() => server.calls.length === 4);
      const [, , three, four] = server.calls as [ToolCall, ToolCall, ToolCall, ToolCall];
      assert.notEqual(three.session, four.session);
      for (const { answer } of [three, four]) answer(text("apart"));
      await Promise.all(apart);
      assert.equal(await holdfast.stop(), 0);
      assert.ok(holdfast.log().some(({ msg, level }) => msg === "question not answered" && level === "warn"));
    }));
});

describe("a legacy server that never begins the GET stream of a session", () => {
  it("keeps Holdfast neither from serving nor from ending", async () => {
    await using server = await startAskingServer(({ answer }) => answer(text("here")), "silent");
    await using holdfast = await startHoldfast(server.url);
    assert.equal(said(await ask(holdfast.url, "tools/call", call("read", elicits))), "here");
    await server.until(() => server.raw.seen.some(({ method }) => method === "GET"));
    assert.equal(await holdfast.stop(), 0);
  });
});

describe("a modern caller's sessions on a legacy server", () => {
  const inConversation = (n: number) => call("read", { id: n, headers: { "holdfast-isolation": `conversation-${n}` } });

  it("are 32 at most, and another caller still gets one", () =>
    withServer(
      async (server, url) => {
        const all = await Promise.all(Array.from({ length: 32 }, (_, n) => ask(url, "tools/call", inConversation(n))));
        for (const answer of all) assert.equal(said(answer), "here");
        const { status, message } = await ask(url, "tools/call", inConversation(32));
        assert.deepEqual([status, message.error?.data.code], [503, "TOO_MANY_SESSIONS"]);
        assert.equal(said(await ask(url, "tools/call", inConversation(31))), "here");
        const other = call("read", { headers: { authorization: "Bearer other" } });
        assert.equal(said(await ask(url, "tools/call", other)), "here");
        assert.equal(server.raw.sessionIds.length, 33);
      },
      ({ answer }) => answer(text("here")),
    ));
});

describe("a legacy server that dies while a question waits, in a call that may run twice", () => {
  it("asks again on the new session, and gets the answer that the client gives to the first question", async () => {
    await using server = await startEraServer("legacy");
    await using holdfast = await startHoldfast(server.url, { args: ["--trusted"] });
    const confirm = call("confirm_safely", elicits);
    const parked = await ask(holdfast.url, "tools/call", confirm);
    assert.equal(parked.message.result?.resultType, "input_required", parked.text);
    await server.restart();
    await server.until(() => server.seenOf("tools/call").length === 2);
    const accepted = { action: "accept", content: { ok: true } };
    assert.equal(said(await ask(holdfast.url, "tools/call", retry(parked, accepted, confirm))), "confirmed");
    assert.equal(server.ran.get("confirm_safely"), 1);
  });

  it("gets the answer to an earlier question once more without the client being asked again", async () => {
    await using server = await startEraServer("legacy");
    await using holdfast = await startHoldfast(server.url, { args: ["--trusted"] });
    const twice = call("confirm_twice", elicits);
    const accepted = { action: "accept", content: { ok: true } };
    const first = await ask(holdfast.url, "tools/call", twice);
    const second = await ask(holdfast.url, "tools/call", retry(first, accepted, twice));
    assert.match(second.text, /Really\?/);
    await server.restart();
    await server.until(() => server.seenOf("tools/call").length === 2);
    const done = await ask(holdfast.url, "tools/call", retry(second, accepted, twice));
    assert.equal(said(done), "confirmed twice");
    assert.equal(server.ran.get("confirm_twice"), 1);
  });
});

describe("a legacy server's answer to a modern client", () => {
  it("is carried up to 64 MiB, and a longer one fails its own call, which ran", () => {
    const most = 64 * 1024 * 1024;
    const padded = ({ id, answer }: ToolCall, bytes: number) => {
      const [before, after] = ['"result":{"content":[{"type":"text","text":"', '"}]}'];
      const rest = `{"jsonrpc":"2.0","id":${id},${before}${after}}`.length;
      answer(`${before}${"x".repeat(bytes - rest)}${after}`);
    };
    let bytes = most;
    return withServer(
      async (_server, url) => {
        const whole = await ask(url, "tools/call", call("read"));
        assert.ok(whole.body.length > most, whole.text.slice(0, 300));
        bytes = most + 1;
        const { message } = await ask(url, "tools/call", call("read"));
        assert.deepEqual([message.error?.data.code, message.error?.data.executed], ["SERVER_MESSAGE_TOO_LARGE", "yes"]);
      },
      (one) => padded(one, bytes),
    );
  });
});

describe("front mode, where users are told apart by what they present", () => {
  it("lets no two modern callers without a credential share a session of a legacy server, and those with one", () =>
    withServer(
      async (server, url) => {
        for (const headers of [{}, {}, { authorization: "Bearer a" }, { authorization: "Bearer a" }])
          assert.equal(said(await ask(url, "tools/call", call("read", { headers }))), "here");
        const [first, second, third, fourth] = server.calls.map(({ session }) => session);
        assert.notEqual(first, second);
        assert.notEqual(second, third);
        assert.equal(third, fourth);
        const ofCalls = server.raw.seen.filter(({ body }) => body.includes('"tools/call"'));
        // What mirrors a modern body would say something false of a legacy one.
        for (const { headers } of ofCalls) assert.equal(headers["mcp-method"] ?? headers["mcp-name"], undefined);
        assert.deepEqual(
          ofCalls.map(({ headers }) => headers.authorization),
          [undefined, undefined, "Bearer a", "Bearer a"],
        );
      },
      ({ answer }) => answer(text("here")),
      { args: ["--front"] },
    ));
});

describe("front mode, with a legacy client of a modern server", () => {
  it("gives it a session that only its own credential opens, and takes that credential to the server with each call", async () => {
    await using server = await startEraServer("modern");
    await using holdfast = await startHoldfast(server.url, { args: ["--front"] });
    const anna = await openSession(holdfast.url, { headers: { authorization: "Bearer anna" } });
    const echo = '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"said":"hello"}}}';
    assert.match((await anna.post(echo)).text, /hello/);
    const stolen = await send(holdfast.url, { headers: { ...anna.headers, authorization: "Bearer eve" }, body: echo });
    assert.equal(stolen.status, 404);
    await server.restart();
    assert.match((await anna.post(echo)).text, /hello/);
    const calls = server.seenOf("tools/call");
    assert.deepEqual(
      calls.map(({ headers }) => [headers.authorization, headers["mcp-method"], headers["mcp-session-id"]]),
      [1, 2].map(() => ["Bearer anna", "tools/call", undefined]),
    );
  });
});
