// What a session must remember to be brought back: the client's own words and what they left behind at the server. Plain data.

import { parseObject } from "./read-answer.ts";

/** Lists whose change can be announced, by the method that reads them. */
export type ListMethod = "tools/list" | "prompts/list" | "resources/list";
export const listMethods: readonly ListMethod[] = ["tools/list", "prompts/list", "resources/list"];

export interface Snapshot {
  /** The client's initialize request, whole, as it came. */
  readonly initialize: string;
  /** Negotiated with the client at its initialize; what the client puts into Mcp-Protocol-Version. */
  readonly clientVersion: string;
  /** Negotiated with the server at the last initialize; differs from `clientVersion` only after an upgrade of the server. */
  serverVersion: string;
  /** Digest of serverInfo, capabilities and instructions at the last initialize. */
  serverDigest: string;
  /** Which list changes the client was told to expect. */
  readonly announces: readonly ListMethod[];
  /** The client has sent notifications/initialized. */
  initialized: boolean;
  /** The client's GET stream is or was open. */
  stream: boolean;
  logLevel?: string;
  /** URIs with a live resources/subscribe. */
  subscriptions: string[];
  /** Digest of each page of a list as the client last read it, first page first. */
  lists: Partial<Record<ListMethod, string[]>>;
  /** Milliseconds since the epoch; absent in rows of earlier versions. */
  openedAtMs?: number;
  /** What the log calls the session, which its row could not tell otherwise; absent in rows of earlier versions. */
  shortHash?: string;
  /** Of a session that modern clients share: the InitializeResult as the server gave it, for their `server/discover`. */
  result?: string;
  /** `name=value` pairs that a load balancer asked to be sent back, for this session only. */
  cookies?: string;
  /** Front mode: those that the client may still have from before; with `cookies` only. */
  staleCookies?: string;
  /** The restore that the next answer is to be marked with (`--recovery notify`), whichever process gives it. */
  markNext?: { readonly signal: string; readonly generation: number };
}

/** The stored row's JSON: the snapshot and the server's own id. */
export interface StoredSnapshot {
  readonly v: 1;
  readonly upstreamId?: string | undefined;
  readonly served: boolean;
  readonly snapshot: Snapshot;
}

export function encodeSnapshot(stored: StoredSnapshot): string {
  return JSON.stringify(stored);
}

/** Undefined for a row that this version cannot read. */
export function decodeSnapshot(text: string): StoredSnapshot | undefined {
  const value = parseObject(text);
  return value?.["v"] === 1 ? (value as unknown as StoredSnapshot) : undefined;
}
