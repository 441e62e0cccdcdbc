// The connections to one HTTP server, for whichever wire runs over them. Knows nothing of messages.
import type { LookupFunction } from "node:net";
import type { Pool } from "undici";
import UndiciPool from "undici/lib/dispatcher/pool.js";

export interface PoolParts {
  /** Of which only the origin counts. */
  readonly url: URL;
  readonly connectTimeoutMs: number;
  /** Resolves names where the connector's addresses are restricted. */
  readonly lookup?: LookupFunction | undefined;
}

export interface Pools {
  readonly calls: Pool;
  readonly streams: Pool;
  readonly close: () => Promise<void>;
}

/**
 * Calls and streams have pools of their own, because a pool looks through its busy connections at each call and streams stay busy for hours.
 * No time limit on answers: a tool may take as long as it takes, and the client cancels.
 */
export function openPools({ url, connectTimeoutMs, lookup }: PoolParts): Pools {
  const options: Pool.Options = {
    connections: null,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: connectTimeoutMs, noDelay: true, ...(lookup === undefined ? {} : { lookup }) },
  };
  const calls = new UndiciPool(url.origin, options);
  const streams = new UndiciPool(url.origin, options);
  return {
    calls,
    streams,
    async close() {
      await Promise.all([calls.destroy(), streams.destroy()]);
    },
  };
}
