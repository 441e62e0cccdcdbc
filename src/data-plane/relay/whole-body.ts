// A body that flows, read whole after all: where what it says decides before it may go on.
import { ProxyError } from "../../errors/index.ts";
import { scanEnvelope } from "../../protocol/index.ts";
import type { ClientExchange } from "./client-exchange.ts";

/**
 * The same exchange with its body kept. `why`: what the client is told where it is larger than `mostBytes`.
 * @throws ProxyError BODY_TOO_LARGE, NOT_JSON_RPC, and what the body's own reading meets
 */
export async function withWholeBody(exchange: ClientExchange, mostBytes: number, why = ""): Promise<ClientExchange> {
  const { body } = exchange;
  if (body?.stream === undefined) return exchange;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body.stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > mostBytes) throw new ProxyError("BODY_TOO_LARGE", { note: why });
  }
  const kept = Buffer.concat(chunks);
  const scanned = scanEnvelope(kept);
  if (scanned.shape !== "single" && scanned.shape !== "batch") throw new ProxyError("NOT_JSON_RPC");
  // Of an exchange with getters a copy has its own properties alone.
  return { ...exchange, ownHeaders: exchange.ownHeaders, body: { kept }, scanned };
}
