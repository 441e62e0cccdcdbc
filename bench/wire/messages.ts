// The MCP messages that the generator sends, as text. The tools are those of bench/upstream.ts.
import { modernVersion, protocolVersion } from "./connection.ts";

let nextId = 10_000_000;

/** Of one width, so that requests are of one length; unique in the process, since calls of one session run side by side. */
export function newId(): number {
  nextId += 1;
  return nextId;
}

export function initializeBody(): string {
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: "bench", version: "1" } };
  return JSON.stringify({ jsonrpc: "2.0", id: newId(), method: "initialize", params });
}

export const initializedBody = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

const text = "The quick brown fox jumps over the lazy dog and runs away from the shouting farmer. "
  .repeat(3)
  .slice(0, 230);

export const smallTool = "echo";

/** About 350 bytes, the size of a call in the field reports. */
export function smallCallBody(id: number): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${smallTool}","arguments":{"call":${id},"text":"${text}"}}}`;
}

const envelope = JSON.stringify({
  "io.modelcontextprotocol/protocolVersion": modernVersion,
  "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
});

/** The same call with the envelope that its revision asks for, some 170 bytes more. */
export function modernCallBody(id: number): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${smallTool}","arguments":{"call":${id},"text":"${text}"},"_meta":${envelope}}}`;
}

export function bigCallBody(id: number, bytes: number): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"big","arguments":{"bytes":${bytes}}}}`;
}

export function progressCallBody(id: number, events: number, everyMs: number): string {
  const meta = `"_meta":{"progressToken":${id}}`;
  const tool = `"name":"progress","arguments":{"events":${events},"everyMs":${everyMs}}`;
  return `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{${meta},${tool}}}`;
}
