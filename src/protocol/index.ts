export {
  acceptBoth,
  hopByHop,
  lastEventIdHeader,
  mediaType,
  protocolVersionHeader,
  sessionIdHeader,
} from "./headers.ts";
export { EnvelopeScanner, scanEnvelope } from "./json-envelope.ts";
export type { Envelope, RawId, Scanned } from "./message.ts";
export { isBoundToRequest, isPaged, isRepeatable, repeatableMethods } from "./methods.ts";
export { type ClientSessionId, isClientSessionId, newClientSessionId } from "./session-id.ts";
export { encodeSseEvent, type SseEvent, SseObserver } from "./sse.ts";
