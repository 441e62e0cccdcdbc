// What can be said of the streams that clients may come back for, for the whole process. Reads no argv and no file.

export interface StreamOptions {
  /** Most events of one stream that are kept for a client that may have missed them. */
  readonly keepEvents: number;
  /** Most bytes of one stream that are kept so. */
  readonly keepBytes: number;
  /** Most bytes that all streams together keep. */
  readonly keepTotalBytes: number;
  /** How long an event is kept, and how long a client may stay away from its stream. */
  readonly keepMs: number;
  /** After so long without a byte a stream is given a comment. */
  readonly keepAliveMs: number;
  /** After so long without an answer an event stream is opened for it. */
  readonly openAfterMs: number;
  /** Events are on disk before they go out, and outlive Holdfast itself. */
  readonly durable: boolean;
}

export const streamDefaults = {
  keepEvents: 1_000,
  keepBytes: 4 * 1024 * 1024,
  keepTotalBytes: 64 * 1024 * 1024,
  keepMs: 600_000,
  keepAliveMs: 15_000,
  openAfterMs: 3_000,
  durable: false,
} as const satisfies StreamOptions;
