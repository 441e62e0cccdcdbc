export { type Challenge, readChallenge } from "./challenge.ts";
export { writeDiscover } from "./discover.ts";
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
  accepting,
  hopByHop,
  lastEventIdHeader,
  mediaType,
  protocolVersionHeader,
  sessionIdHeader,
} from "./headers.ts";
export { EnvelopeScanner, scanEnvelope } from "./json-envelope.ts";
export { elementSpans, findSpan, replaceSpans, type Span, spanText } from "./json-spans.ts";
export {
  editMembers,
  editUnder,
  elementTexts,
  isObjectText,
  mapElements,
  memberText,
  memberTexts,
} from "./json-text.ts";
export { KnownLines } from "./known-lines.ts";
export { type Envelope, isMessage, type RawId, type Scanned } from "./message.ts";
export { isBoundToRequest, isPaged, isRepeatable, repeatableMethods } from "./methods.ts";
export { monotonicMs } from "./monotonic-ms.ts";
export { createServer, httpStatusText } from "./node-http.ts";
export { isPrivateId, privateId } from "./private-id.ts";
export { RepeatedHead } from "./repeated-head.ts";
export {
  type ClientSessionId,
  faceIdPrefix,
  isClientSessionId,
  isFaceSession,
  newClientSessionId,
} from "./session-id.ts";
export { encodeSseEvent, type SseEvent, SseObserver, sseComment } from "./sse.ts";
