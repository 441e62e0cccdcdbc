export { answerError, answerFailure } from "./answer-error.ts";
export type { ClientConnection, ClientExchange, ExchangeOutcome, RequestBody } from "./client-exchange.ts";
export { clientHeaders } from "./headers.ts";
export { relayInitialize } from "./relay-initialize.ts";
export { relayRequest } from "./relay-request.ts";
export { Streams } from "./streams.ts";
