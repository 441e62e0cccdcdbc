// The one error that Holdfast throws: a row of the catalogue and what was known when it happened. The cause is for the log and never reaches a client.
import { type CatalogRow, catalog, type ErrorCode } from "./catalog.ts";
import { detailSentence } from "./detail-sentence.ts";
import { bodyHead, printable } from "./printable.ts";

/** The server's own answer, as far as it helps to find the cause. */
export interface UpstreamDetails {
  readonly status?: number | undefined;
  readonly contentType?: string | undefined;
  /** Kept to its first 300 bytes. */
  readonly body?: string | undefined;
}

export interface ErrorDetails {
  readonly connector?: string | undefined;
  readonly requestId?: string | undefined;
  readonly upstream?: UpstreamDetails | undefined;
  /** What Holdfast tried, as a noun: "initialize", "a connection". */
  readonly tried?: string | undefined;
  readonly waitedMs?: number | undefined;
  readonly attempts?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  /** One more sentence for the reader. */
  readonly note?: string | undefined;
}

const maxTextLength = 300;

export class ProxyError extends Error {
  override readonly name: string = "ProxyError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    const safe = safeDetails(catalog[code], details);
    super([catalog[code].summary, detailSentence(safe)].filter((part) => part !== "").join(" "), options);
    this.code = code;
    this.details = safe;
  }

  /** Whatever was caught, as a ProxyError: one that nobody foresaw is INTERNAL, and its own words stay in `cause`. */
  static from(caught: unknown): ProxyError {
    return caught instanceof ProxyError ? caught : new ProxyError("INTERNAL", {}, { cause: caught });
  }

  /** The same error with details that only the caller knows, such as the request id. */
  with(details: ErrorDetails): ProxyError {
    return new ProxyError(this.code, { ...this.details, ...details }, { cause: this.cause });
  }
}

/**
 * Clients exist that send a call again when its error mentions one of these (@mastra/mcp, `isReconnectableMCPError`, and
 * its earlier versions, which looked for "session"). Where the call may have run, that would run it twice.
 */
const resendWords =
  /session|not connected|http 40[0134]|econnrefused|fetch failed|connection refused|connection closed|terminated/i;

function invitesResend(text: string): boolean {
  return resendWords.test(text);
}

/** Field by field, so that nothing else that an object carries can reach a client. */
function safeDetails(row: CatalogRow, details: ErrorDetails): ErrorDetails {
  const mayHaveRun = row.executed !== "no";
  const allowed = (value: string) => (mayHaveRun && invitesResend(value) ? undefined : value);
  const text = (value: string | undefined) =>
    value === undefined ? undefined : allowed(printable(value, maxTextLength));
  const { connector, requestId, upstream, waitedMs, attempts, retryAfterMs } = details;
  return {
    connector: connector === undefined ? undefined : printable(connector, maxTextLength),
    requestId: requestId === undefined ? undefined : printable(requestId, maxTextLength),
    upstream: upstream && {
      status: upstream.status,
      contentType: text(upstream.contentType),
      body: upstream.body === undefined ? undefined : allowed(bodyHead(upstream.body)),
    },
    tried: text(details.tried),
    waitedMs,
    attempts,
    retryAfterMs,
    note: text(details.note),
  };
}
