// A modern client's message on a wire of whole messages, as the exchange that it would be over HTTP: the headers that mirror it are written from it.
import { findSpan, memberText, metaKey, protocolVersionHeader, spanText } from "../../protocol/index.ts";
import { modernHeaders } from "../bridge/index.ts";
import type { ClientExchange, ModernExchange } from "../relay/index.ts";

export function modernExchange(exchange: ClientExchange, message: Buffer, method: string | undefined): ModernExchange {
  const text = message.toString();
  const flat = modernHeaders(text);
  const version = memberText(text, "params", "_meta", metaKey.protocolVersion);
  const requestHeaders: Record<string, string> = {};
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] as string;
    // As the client says it: whether that revision is served is for others to say.
    if (name === protocolVersionHeader && version?.startsWith('"') === true)
      flat[index + 1] = String(JSON.parse(version));
    requestHeaders[name] = flat[index + 1] as string;
  }
  return { ...exchange, method, envelopeHeaders: flat, requestHeaders, byMessage: true };
}

/** The request that a `notifications/cancelled` means, as it stands there. */
export function cancelledRequest(message: Buffer): string | undefined {
  const span = findSpan(message, ["params", "requestId"]);
  return span === undefined ? undefined : spanText(message, span);
}
