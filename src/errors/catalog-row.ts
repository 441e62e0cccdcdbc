// What the catalogue says of one cause of failure. Holds no row itself.

/** Whose move it is: the MCP client program, the person running Holdfast, the MCP server, the network between, or Holdfast itself. */
export type Fault = "client" | "user" | "server" | "network" | "holdfast";

export interface CatalogRow {
  /** HTTP status where the exchange carries no JSON-RPC request to answer, or where the client must see it (`inBand: false`). */
  readonly http: number;
  /** Stable JSON-RPC error code. */
  readonly jsonrpc: number;
  /** True: a JSON-RPC request is answered with HTTP 200 and the error inside, so that clients report the message instead of a transport failure. */
  readonly inBand: boolean;
  readonly fault: Fault;
  /** Did the server run the request? */
  readonly executed: "no" | "yes" | "unknown";
  /** Does sending it again help? */
  readonly retry: "yes" | "no" | "after-fix";
  readonly summary: string;
  readonly remedy: string;
}

export function row(
  fault: Fault,
  http: number,
  jsonrpc: number,
  executed: CatalogRow["executed"],
  retry: CatalogRow["retry"],
  summary: string,
  remedy: string,
  inBand = false,
): CatalogRow {
  return { http, jsonrpc, inBand, fault, executed, retry, summary, remedy };
}
