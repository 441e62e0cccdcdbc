// An exchange of which nothing was read: enough to answer it with an error of ours. Carries no message and no header of the client's.
import type { ClientConnection, ClientExchange } from "../relay/index.ts";
import type { ExchangeNotes } from "./request-record.ts";

export function plainExchange(connection: ClientConnection, notes: ExchangeNotes): ClientExchange {
  const { requestId, outcome } = notes;
  return {
    httpMethod: "GET",
    connection,
    scanned: undefined,
    body: undefined,
    contentType: "",
    protocolVersion: undefined,
    lastEventId: undefined,
    headers: [],
    requestId,
    outcome,
  };
}
