export { answerError, answerFailure } from "./answer-error.ts";
export {
  type ClientConnection,
  type ClientExchange,
  type ExchangeOutcome,
  messagesOf,
  type RequestBody,
  requestIds,
} from "./client-exchange.ts";
export { clientHeaders, passedHeaders } from "./headers.ts";
export { noteAnswered } from "./question-id.ts";
export { relayInitialize } from "./relay-initialize.ts";
export { type ModernEnd, type ModernExchange, type ModernRelay, relayModern } from "./relay-modern.ts";
export { relayRequest } from "./relay-request.ts";
export { askedAs } from "./relay-stream.ts";
export { StreamClock } from "./stream-clock.ts";
export { StreamJournal } from "./stream-journal.ts";
export { Streams } from "./streams.ts";
export { withWholeBody } from "./whole-body.ts";
