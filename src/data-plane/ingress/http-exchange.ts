// One HTTP exchange as the relay sees it.
import { lastEventIdHeader, protocolVersionHeader } from "../../protocol/index.ts";
import type { ClientConnection, ClientExchange, ExchangeOutcome, RequestBody } from "../relay/index.ts";
import { originOf, type ServerCors } from "../session/index.ts";
import type { HttpRequest } from "./http-request.ts";
import type { ExchangeNotes } from "./request-record.ts";

/** A class, because an object literal with a getter is another kind of object each time, and V8 holds on to each kind and all that it leads to. */
export class HttpExchange implements ClientExchange {
  readonly httpMethod: ClientExchange["httpMethod"];
  readonly connection: ClientConnection;
  readonly body: RequestBody | undefined;
  readonly contentType: string;
  readonly protocolVersion: string | undefined;
  readonly lastEventId: string | undefined;
  readonly resumable: ClientExchange["resumable"];
  readonly headers: readonly string[];
  readonly addressWords: readonly string[];
  readonly requestId: string;
  readonly outcome: ExchangeOutcome;
  readonly #notes: ExchangeNotes;
  readonly #cors: ServerCors | undefined;
  #scanned: ClientExchange["scanned"];

  /** `forwarded`: what goes to the server on behalf of this request. */
  constructor(
    { method, headers }: HttpRequest,
    connection: ClientConnection,
    notes: ExchangeNotes,
    body: RequestBody | undefined,
    forwarded: readonly string[],
    addressWords: readonly string[],
    resumable: ClientExchange["resumable"],
    cors: ServerCors | undefined,
  ) {
    this.httpMethod = method === "GET" || method === "DELETE" ? method : "POST";
    this.connection = connection;
    this.body = body;
    this.contentType = headers["content-type"] ?? "application/json";
    this.protocolVersion = one(headers[protocolVersionHeader]);
    this.lastEventId = one(headers[lastEventIdHeader]);
    this.resumable = resumable;
    this.headers = forwarded;
    this.addressWords = addressWords;
    this.requestId = notes.requestId;
    this.outcome = notes.outcome;
    this.#notes = notes;
    this.#cors = cors;
  }

  get ownHeaders(): readonly string[] {
    return this.#cors?.of(originOf(this.headers)) ?? [];
  }

  get scanned(): ClientExchange["scanned"] {
    if (this.#scanned !== undefined) return this.#scanned;
    const scanned = this.#notes.scanned?.();
    if (scanned?.shape !== "single" && scanned?.shape !== "batch") return undefined;
    // A body that flows is known only as far as it was read.
    if (this.body?.kept !== undefined) this.#scanned = scanned;
    return scanned;
  }
}

/** Of a header that may come more than once, the first. */
export function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
