// What the tools of a modern server want mirrored in headers, where client or server has none. Asks with the caller's own envelope and credentials.
import { editMembers, memberText, monotonicMs, paramHeaderPrefix, privateId } from "../../protocol/index.ts";
import type { ModernExchange } from "../relay/index.ts";
import { callServer } from "../session/index.ts";
import type { Transport } from "../transport/index.ts";
import { ToolSchemas } from "./legacy-face/tool-schemas.ts";
import { stringOf } from "./translate/client-facts.ts";
import { modernHeaders, type ParamHeader } from "./translate/modern-headers.ts";

/** A server's tools are looked at again after so long, and sooner for one that is not known. */
const freshMs = 60_000;
const unknownFreshMs = 1_000;
const timeoutMs = 15_000;

export class ModernTools {
  readonly #transport: Transport;
  readonly #schemas = new ToolSchemas();
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The same exchange, its arguments mirrored as far as the tool's schema could be read. */
  async withHeaders(exchange: ModernExchange): Promise<ModernExchange> {
    // A message too large to be kept flows, and goes as it is.
    const text = exchange.body?.kept?.toString();
    if (text === undefined) return exchange;
    const mirrored = flatParams(modernHeaders(text, await this.paramsOf(text, exchange.headers)));
    if (mirrored.length === 0) return exchange;
    return { ...exchange, envelopeHeaders: [...exchange.envelopeHeaders, ...mirrored] };
  }

  /** What the called tool wants mirrored. `request`: JSON text. */
  async paramsOf(request: string, headers: readonly string[]): Promise<readonly ParamHeader[]> {
    const name = stringOf(memberText(request, "params", "name"));
    const ageMs = monotonicMs() - this.#readMs;
    if (ageMs > freshMs || (this.#schemas.get(name) === undefined && ageMs > unknownFreshMs))
      this.#reading ??= this.#read(request, headers).finally(() => {
        this.#reading = undefined;
      });
    await this.#reading;
    return this.#schemas.get(name)?.params ?? [];
  }

  async #read(request: string, headers: readonly string[]): Promise<void> {
    this.#readMs = monotonicMs();
    this.#schemas.changed();
    const meta = editMembers(memberText(request, "params", "_meta") ?? "{}", { progressToken: undefined });
    await this.#schemas.complete((params) => this.#page(editMembers(params, { _meta: meta }), headers));
  }

  async #page(params: string, headers: readonly string[]): Promise<string | undefined> {
    const id = privateId();
    const body = `{"jsonrpc":"2.0","id":"${id}","method":"tools/list","params":${params}}`;
    const context = { headers: [...headers, ...modernHeaders(body)] };
    const outcome = await callServer(this.#transport, context, body, id, timeoutMs);
    return outcome.kind === "answer" && outcome.result !== undefined ? JSON.stringify(outcome.result) : undefined;
  }
}

function flatParams(headers: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const [name = "", value = ""] = headers.slice(index, index + 2);
    if (name.startsWith(paramHeaderPrefix)) kept.push(name, value);
  }
  return kept;
}
