// A server of the official package in this process, of either era, that can die and come back as another one. Remembers what reached it and what ran.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { acceptedContent, fromJsonSchema, inputRequired, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import type { Announce } from "../conformance/fixture/changing-tools.ts";
import type { Endpoint } from "../conformance/fixture/endpoint.ts";
import { openLegacyEndpoint } from "../conformance/fixture/legacy-endpoint.ts";
import { openModernEndpoint } from "../conformance/fixture/modern-endpoint.ts";
import { lastingPort } from "./process.ts";

export type Era = "legacy" | "modern";

/** One request as it reached the server. */
export interface Seen {
  readonly httpMethod: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly method: string | undefined;
  readonly id: unknown;
}

const text = (said: string) => ({ content: [{ type: "text" as const, text: said }] });
/** Wants its argument in a header as well. */
const placed = { type: "object", properties: { region: { type: "string", "x-mcp-header": "Region" } } } as const;
const answer = z.object({ ok: z.boolean() });
const confirm = inputRequired.elicit({ message: "Go on?", requestedSchema: answer });
const really = inputRequired.elicit({ message: "Really?", requestedSchema: answer });

export class EraServer implements AsyncDisposable {
  readonly seen: Seen[] = [];
  /** How often each tool ran to its end. */
  readonly ran = new Map<string, number>();
  /** Calls of `wait` that were cancelled. */
  cancelled = 0;
  /** What becomes of the next POSTs that name these methods: the connection breaks once the request is there. */
  readonly cuts: string[] = [];
  era: Era;
  port = 0;
  announce: Announce = { toolsChanged() {}, promptsChanged() {} };
  #server: Server | undefined;
  #endpoint: Endpoint | undefined;
  #release: (() => void)[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor(era: Era) {
    this.era = era;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/mcp`;
  }

  seenOf(method: string): readonly Seen[] {
    return this.seen.filter((each) => each.method === method);
  }

  /** Resolves as soon as `condition` holds; asked whenever something reaches the server or happens there. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Calls of `wait` that have begun and not ended. */
  get atWork(): number {
    return this.#release.length;
  }

  /** Lets every call of `wait` end. */
  release(): void {
    for (const end of this.#release.splice(0)) end();
  }

  async start(era: Era = this.era): Promise<void> {
    this.era = era;
    if (this.port === 0) this.port = await lastingPort();
    const open = era === "legacy" ? openLegacyEndpoint : openModernEndpoint;
    const endpoint = open((announce) => this.#build(announce));
    const server = createServer((request, response) => void this.#serve(endpoint, request, response));
    this.#server = server;
    this.#endpoint = endpoint;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.port, "127.0.0.1", resolve);
    });
  }

  /** As if the process died: every connection breaks, and nothing is remembered. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed = new Promise((resolve) => server?.close(resolve) ?? resolve(undefined));
    server?.closeAllConnections();
    await closed;
    await this.#endpoint?.close();
  }

  async restart(era: Era = this.era): Promise<void> {
    await this.stop();
    await this.start(era);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await this.stop();
  }

  async #serve(endpoint: Endpoint, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const message: { method?: string; id?: unknown } = body === "" ? {} : JSON.parse(body);
    const { method, id } = message;
    this.seen.push({ httpMethod: request.method ?? "", headers: request.headers, body, method, id });
    this.#happened();
    const cut = this.cuts.indexOf(method ?? "");
    if (cut >= 0) {
      this.cuts.splice(cut, 1);
      return void request.socket.destroy();
    }
    await endpoint.handle(request, response, body === "" ? undefined : JSON.parse(body));
  }

  #happened(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #count(tool: string): void {
    this.ran.set(tool, (this.ran.get(tool) ?? 0) + 1);
    this.#happened();
  }

  #build(announce: Announce): McpServer {
    this.announce = announce;
    const server = new McpServer(
      { name: "era-server", version: "1.0.0" },
      { capabilities: { logging: {}, resources: { subscribe: true } } },
    );
    server.registerTool("echo", { inputSchema: z.object({ said: z.unknown() }) }, ({ said }) => {
      this.#count("echo");
      return text(JSON.stringify(said));
    });
    server.registerTool("placed", { inputSchema: fromJsonSchema<{ region: string }>(placed) }, ({ region }) =>
      text(region),
    );
    server.registerTool("read", { annotations: { readOnlyHint: true } }, () => {
      this.#count("read");
      return text("read");
    });
    server.registerTool("wait", {}, async (context) => {
      await new Promise<void>((resolve) => {
        this.#release.push(resolve);
        context.mcpReq.signal.addEventListener("abort", () => {
          this.cancelled += 1;
          this.#happened();
          resolve();
        });
        this.#happened();
      });
      this.#count("wait");
      return text("waited");
    });
    for (const [tool, annotations] of [
      ["confirm", {}],
      ["confirm_safely", { readOnlyHint: true }],
    ] as const)
      server.registerTool(tool, { annotations }, (context) => {
        const given = acceptedContent(context.mcpReq.inputResponses, "confirm", answer);
        if (given === undefined) return inputRequired({ inputRequests: { confirm } });
        this.#count(tool);
        return text(given.ok ? "confirmed" : "declined");
      });
    server.registerTool("confirm_twice", { annotations: { readOnlyHint: true } }, (context) => {
      const isSecond = context.mcpReq.requestState<string>() === "second";
      if (acceptedContent(context.mcpReq.inputResponses, "confirm", answer) === undefined)
        return inputRequired({ inputRequests: { confirm } });
      if (!isSecond) return inputRequired({ inputRequests: { confirm: really }, requestState: "second" });
      this.#count("confirm_twice");
      return text("confirmed twice");
    });
    server.registerPrompt("hello", {}, () => ({ messages: [] }));
    server.registerResource("page", "test://page", {}, ({ href }) => ({ contents: [{ uri: href, text: "page" }] }));
    server.server.setRequestHandler("resources/subscribe", () => ({}));
    server.server.setRequestHandler("resources/unsubscribe", () => ({}));
    return server;
  }
}

export async function startEraServer(era: Era): Promise<EraServer> {
  const server = new EraServer(era);
  await server.start();
  return server;
}
