// What is read of a JSON-RPC message: kind, id and method of its envelope. The body itself is never rebuilt from this.

/** A JSON-RPC id exactly as its text stood in the message: `1`, `"a"`, `9007199254740993`, `1.0`. Two ids are equal when their texts are. */
export type RawId = string;

/** The top level of one JSON-RPC message. `result` and `error` are the two kinds of response. */
export interface Envelope {
  readonly kind: "request" | "notification" | "result" | "error";
  readonly id: RawId | undefined;
  readonly method: string | undefined;
}

/** What a body turned out to be. `not-json` is JSON-RPC -32700, `not-json-rpc` is -32600; both name the first reason found. */
export type Scanned =
  | { readonly shape: "single"; readonly envelope: Envelope }
  | { readonly shape: "batch"; readonly envelopes: readonly Envelope[] }
  | { readonly shape: "not-json"; readonly reason: string }
  | { readonly shape: "not-json-rpc"; readonly reason: string };

/** True for what is JSON-RPC, one message or a batch. */
export function isMessage(scanned: Scanned | undefined): scanned is Extract<Scanned, { shape: "single" | "batch" }> {
  return scanned?.shape === "single" || scanned?.shape === "batch";
}
