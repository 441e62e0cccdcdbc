// What the files of rows share: the shape of a row's checks, and a modern client's envelope.

/** By the table's id: the checks of one row, at least one of the two translated pairs. */
export type Rows = Readonly<Record<string, { readonly LM?: () => void; readonly ML?: () => void }>>;

export const json = (value: unknown): string => JSON.stringify(value);

export const modernMeta =
  '{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"m","version":"2.0"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}';

export const legacyClient = {
  info: '{"name":"c","version":"1"}',
  capabilities: '{"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{}}',
  revision: "2025-11-25",
};

/** The four keys as `legacyClient` sends them, without braces. */
export const envelope =
  '"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{}}';
