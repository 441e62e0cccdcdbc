// What the tests see of a connected client and of a tool's result, the same for every client.
export interface Connection extends AsyncDisposable {
  /** The text of the result, or its structured content where the client hands out only that; throws for an error result. */
  callTool(name: string, args: Readonly<Record<string, unknown>>): Promise<string>;
  listTools(): Promise<readonly string[]>;
  close(): Promise<void>;
  /** What the client reported beside the answers of calls, such as a stream that broke. */
  errors(): readonly string[];
  /** The session id that the client holds; undefined where it does not tell. */
  sessionId(): string | undefined;
}

export function textOf(result: unknown): string {
  const { content, isError, error }: Record<string, unknown> = { ...(typeof result === "object" ? result : {}) };
  if (isError === true || error !== undefined) throw new Error(`the tool failed: ${JSON.stringify(result)}`);
  if (!Array.isArray(content)) return JSON.stringify(result);
  return content.map((part: { readonly text?: string }) => part.text ?? "").join("");
}

/** Ends with the block that holds it; a server that is gone by then does not turn a good test red. */
export function connection(parts: Omit<Connection, typeof Symbol.asyncDispose>): Connection {
  return { ...parts, [Symbol.asyncDispose]: () => parts.close().catch(() => undefined) };
}
