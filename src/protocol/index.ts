export {
  isCacheable,
  latestLegacyRevision,
  legacyRevisions,
  metaKey,
  methodHeader,
  modernRevision,
  modernRevisions,
  nameHeader,
  paramHeaderPrefix,
  rpcCode,
} from "./eras.ts";
export {
  acceptBoth,
  hopByHop,
  lastEventIdHeader,
  mediaType,
  protocolVersionHeader,
  sessionIdHeader,
} from "./headers.ts";
export { EnvelopeScanner, scanEnvelope } from "./json-envelope.ts";
export {
  editMembers,
  editUnder,
  elementTexts,
  isObjectText,
  mapElements,
  memberText,
  memberTexts,
} from "./json-text.ts";
export type { Envelope, RawId, Scanned } from "./message.ts";
export { isBoundToRequest, isPaged, isRepeatable, repeatableMethods } from "./methods.ts";
export { createServer } from "./node-http.ts";
export { type ClientSessionId, isClientSessionId, newClientSessionId } from "./session-id.ts";
export { encodeSseEvent, type SseEvent, SseObserver } from "./sse.ts";
