// Finds one JSON-RPC answer in a body that was read whole. Only for Holdfast's own requests; relayed answers are never parsed this way.

export type JsonObject = Readonly<Record<string, unknown>>;

/** The first message of a JSON or SSE body, whatever its id. */
export function firstMessage(text: string, contentType: string): JsonObject | undefined {
  if (contentType !== "text/event-stream") return parseObject(text);
  for (const event of text.split(/\r\n\r\n|\n\n|\r\r/)) {
    const message = parseObject(eventData(event));
    if (message !== undefined) return message;
  }
  return undefined;
}

function eventData(event: string): string {
  const lines = event.split(/\r\n|\n|\r/).filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice(line.startsWith("data: ") ? 6 : 5)).join("\n");
}

/** The message, if it is the answer to `id`. */
export function matching(message: JsonObject | undefined, id: string | number): JsonObject | undefined {
  return message !== undefined && message["id"] === id && !("method" in message) ? message : undefined;
}

export function parseObject(text: string): JsonObject | undefined {
  const value = parsed(text);
  return isObject(value) ? value : undefined;
}

/** The objects of a batch, or the one that stands alone; nothing where it is no JSON. */
export function parseObjects(text: string): readonly JsonObject[] {
  const value = parsed(text);
  return (Array.isArray(value) ? (value as unknown[]) : [value]).filter(isObject);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
