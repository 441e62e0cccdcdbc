// One exchange of a modern client over HTTP, as the relay sees it. A class: an accessor in each literal would give each request a shape of its own.
import type { IncomingHttpHeaders } from "node:http";
import { methodHeader, protocolVersionHeader } from "../../protocol/index.ts";
import type { ClientConnection, ClientExchange, ExchangeOutcome, ModernExchange, RequestBody } from "../relay/index.ts";
import type { HttpRequest } from "./http-request.ts";
import type { ExchangeNotes } from "./request-record.ts";

export class HttpModernExchange implements ModernExchange {
  readonly httpMethod = "POST";
  readonly connection: ClientConnection;
  readonly body: RequestBody;
  readonly contentType: string;
  readonly protocolVersion: string | undefined;
  readonly lastEventId = undefined;
  readonly headers: readonly string[];
  readonly requestId: string;
  readonly outcome: ExchangeOutcome;
  readonly method: string | undefined;
  readonly envelopeHeaders: readonly string[];
  readonly requestHeaders: IncomingHttpHeaders;
  readonly #notes: ExchangeNotes;

  constructor(request: HttpRequest, body: RequestBody, { connection, headers, notes, isFront }: ModernParts) {
    const version = one(request.headers[protocolVersionHeader]);
    this.connection = connection;
    this.body = body;
    this.contentType = request.headers["content-type"] ?? "application/json";
    this.protocolVersion = version;
    this.headers = isFront ? withoutEnvelope(headers) : headers;
    this.requestId = notes.requestId;
    this.outcome = notes.outcome;
    this.method = one(request.headers[methodHeader]);
    this.envelopeHeaders = envelopeHeaders(request.rawHeaders);
    this.requestHeaders = request.headers;
    this.#notes = notes;
  }

  /** Read only where it is asked for. */
  get scanned(): ClientExchange["scanned"] {
    const scanned = this.#notes.scanned?.();
    return scanned?.shape === "single" || scanned?.shape === "batch" ? scanned : undefined;
  }
}

export interface ModernParts {
  readonly connection: ClientConnection;
  /** What goes to the server on its behalf. */
  readonly headers: readonly string[];
  readonly notes: ExchangeNotes;
  readonly isFront: boolean;
}

/** The client's own headers of the era, byte for byte. */
function envelopeHeaders(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (isOfEnvelope(name)) kept.push(name, rawHeaders[index + 1] as string);
  }
  return kept;
}

/** In front mode everything of the client's passes, but the envelope has its own way: a bridge to a legacy server leaves it out. */
function withoutEnvelope(headers: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2)
    if (!isOfEnvelope(headers[index] as string)) kept.push(headers[index] as string, headers[index + 1] as string);
  return kept;
}

function isOfEnvelope(name: string): boolean {
  // The cheap look first: most headers begin with another letter.
  return (name.charCodeAt(0) | 32) === 0x6d && /^mcp-(?!session-id$)/i.test(name);
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
