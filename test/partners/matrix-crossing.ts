// What crosses a pair besides calls and their answers: the server's requests, cancellation, log messages, subscriptions, list changes. Each is asked for by a tool of `fixtures/sdk-tools.ts`.
import assert from "node:assert/strict";
import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  type Notification,
} from "@modelcontextprotocol/sdk/types.js";
import { eventually } from "../behaviour/recovery-scene.ts";
import { collectErrors } from "../support/clients.ts";
import { textOf } from "../support/tool-result.ts";

export const askedCapabilities = { elicitation: {}, sampling: {}, roots: { listChanged: true } };

const answers = {
  ping: /^\{\}$/,
  roots: /"uri":"file:\/\/\/home\/anna"/,
  sampling: /"text":"Anna, I think"/,
  elicitation: /"action":"accept".*"name":"Anna"/,
};

/** What a client that is asked answers. */
export function answerQuestions(client: Client): void {
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { name: "Anna" } }));
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: "file:///home/anna" }] }));
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    model: "none",
    role: "assistant",
    content: { type: "text", text: "Anna, I think" },
  }));
}

export const call = async (client: Client, name: string, args: Record<string, unknown> = {}) =>
  textOf(await client.callTool({ name, arguments: args }, undefined, { timeout: 30_000 }));

export class Crossing {
  readonly #client: Client;
  readonly #news: Notification[] = [];
  readonly #errors: readonly string[];

  constructor(client: Client) {
    this.#client = client;
    client.fallbackNotificationHandler = async (notification) => void this.#news.push(notification);
    this.#errors = collectErrors(client);
  }

  /** On HTTP the standing stream comes after the session is open, and what a server tells before is lost with any server. */
  async standing(): Promise<void> {
    const before = this.#logged().length;
    const word = async () => {
      await call(this.#client, "log", { data: "is anybody there" });
      return this.#logged().length > before || undefined;
    };
    await eventually(word, "anything on the standing stream");
  }

  async questions(): Promise<void> {
    for (const tool of ["ask", "ask-aside"]) {
      for (const [what, answer] of Object.entries(answers))
        assert.match(await call(this.#client, tool, { what }), answer);
    }
    await this.#client.sendRootsListChanged();
    const changes = async () => ((await call(this.#client, "roots-changes")) === "0" ? undefined : true);
    await eventually(changes, "roots/list_changed at the server");
  }

  /** The server stops, and the client hears no more of it. */
  async cancellation(key: string): Promise<void> {
    const cancel = new AbortController();
    const begun = Promise.withResolvers<void>();
    const cancelled = this.#client.callTool({ name: "until-cancelled", arguments: { key } }, undefined, {
      signal: cancel.signal,
      onprogress: () => begun.resolve(),
    });
    await Promise.race([begun.promise, cancelled]);
    cancel.abort("enough");
    await assert.rejects(cancelled, /enough/);
    const stopped = async () => (await call(this.#client, "stopped")).split(",").includes(key) || undefined;
    await eventually(stopped, "the end of the cancelled call");
    const late = this.#errors.filter((message) => message.includes("unknown message ID"));
    assert.deepEqual(late, [], "nothing answers a call that was cancelled");
  }

  /** Subscribes, and hears of the resource. */
  async updates(uri: string, [tool, args]: readonly [string, Record<string, unknown>]): Promise<void> {
    await this.#client.subscribeResource({ uri });
    await this.updated(uri, [tool, args]);
  }

  /** Hears of it as one who has subscribed before. */
  async updated(uri: string, [tool, args]: readonly [string, Record<string, unknown>]): Promise<void> {
    this.#news.length = 0;
    await call(this.#client, tool, args);
    const heard = () => this.#heard("notifications/resources/updated").some(({ params }) => params?.["uri"] === uri);
    await eventually(() => heard() || undefined, "the update");
  }

  async subscribe(): Promise<void> {
    await this.#client.setLoggingLevel("error");
    await this.#client.subscribeResource({ uri: "test://one" });
  }

  /** Each exactly once, of what `subscribe` asked for and of no more. */
  async news(data: string): Promise<void> {
    this.#news.length = 0;
    await call(this.#client, "update");
    await call(this.#client, "log", { data });
    // The last that is sent, on the same stream as all the others.
    await eventually(() => this.#logged(data).includes("emergency") || undefined, "the log message");
    assert.deepEqual(this.#logged(data), ["error", "critical", "alert", "emergency"]);
    const updated = this.#heard("notifications/resources/updated").map(({ params }) => params?.["uri"]);
    assert.deepEqual(updated, ["test://one"]);
  }

  /** The client is told of each list that grew, and finds it so. */
  async growth(name: string): Promise<void> {
    this.#news.length = 0;
    await call(this.#client, "grow", { name });
    await this.listsChanged();
    const { tools } = await this.#client.listTools();
    assert.ok(tools.some((tool) => tool.name === name));
    await this.#client.listPrompts();
    await this.#client.listResources();
  }

  async listsChanged(): Promise<void> {
    for (const list of ["tools", "prompts", "resources"])
      await eventually(
        () => this.#heard(`notifications/${list}/list_changed`).length > 0 || undefined,
        `word that the ${list} changed`,
      );
  }

  #heard(method: string): readonly Notification[] {
    return this.#news.filter((notification) => notification.method === method);
  }

  #logged(data?: string): readonly unknown[] {
    const messages = this.#heard("notifications/message").map(({ params }) => params);
    return messages
      .filter((params) => data === undefined || params?.["data"] === data)
      .map((params) => params?.["level"]);
  }
}
