// The headers that mirror a modern message's body, written for a modern server and checked for a modern client (Streamable HTTP 2026-07-28, "Request Metadata"). Pure.
import {
  acceptBoth,
  memberText,
  memberTexts,
  methodHeader,
  modernRevision,
  nameHeader,
  paramHeaderPrefix,
  protocolVersionHeader,
} from "../../../protocol/index.ts";
import { stringOf } from "./client-facts.ts";

/** One `x-mcp-header` of a tool's input schema. */
export interface ParamHeader {
  /** As the schema writes it, without the prefix. */
  readonly name: string;
  /** Keys from the arguments to the value. */
  readonly path: readonly string[];
  readonly type: "string" | "integer" | "boolean" | "number";
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const types: ReadonlySet<string> = new Set(["string", "integer", "boolean", "number"]);
const deepest = 64;

/**
 * The headers that a tool's `inputSchema` (JSON text) asks for, found along chains of `properties` only. A declaration that breaks a rule is left
 * out, and the tool is called without it: hiding the tool would take it from the client.
 */
export function paramHeadersOf(inputSchema: string): readonly ParamHeader[] {
  const found: ParamHeader[] = [];
  const visit = (schema: string, path: readonly string[]): void => {
    if (path.length > deepest || !schema.includes("x-mcp-header")) return;
    const members = memberTexts(schema);
    const name = stringOf(members.get("x-mcp-header"));
    const type = stringOf(members.get("type"));
    if (name !== undefined && path.length > 0 && token.test(name) && type !== undefined && types.has(type)) {
      found.push({ name, path, type: type as ParamHeader["type"] });
    }
    for (const [key, child] of memberTexts(members.get("properties") ?? "{}")) visit(child, [...path, key]);
  };
  visit(inputSchema, []);
  const count = new Map<string, number>();
  for (const { name } of found) count.set(name.toLowerCase(), (count.get(name.toLowerCase()) ?? 0) + 1);
  return found.filter(({ name }) => count.get(name.toLowerCase()) === 1);
}

/** Flat names and values for one message to a modern server. `params` are the called tool's, as far as its schema is known. */
export function modernHeaders(message: string, params: readonly ParamHeader[] = []): string[] {
  const method = stringOf(memberText(message, "method")) ?? "";
  const headers = [protocolVersionHeader, modernRevision, methodHeader, encodeHeaderValue(method)];
  const name = nameOf(method, message);
  if (name !== undefined) headers.push(nameHeader, encodeHeaderValue(name));
  if (method !== "tools/call") return headers;
  for (const param of params) {
    // The specification permits none for numbers with a fraction.
    const value = param.type === "number" ? undefined : argumentOf(message, param);
    if (value !== undefined) headers.push(paramHeaderPrefix + param.name, encodeHeaderValue(value));
  }
  return headers;
}

const ofTheBridge: ReadonlySet<string> = new Set([
  "mcp-session-id",
  protocolVersionHeader,
  "last-event-id",
  methodHeader,
  nameHeader,
  "accept",
  "content-type",
  "content-length",
]);

/**
 * The headers of a legacy exchange as they go to a modern server with `message`: session, revision and event id stay behind, the message's own
 * are added, everything else (credentials, the user's headers) passes. Flat names and values.
 */
export function headersToModern(
  headers: readonly string[],
  message: string,
  params: readonly ParamHeader[] = [],
): string[] {
  const kept = ["accept", acceptBoth, "content-type", "application/json"];
  for (let index = 0; index < headers.length; index += 2) {
    const [name = "", value = ""] = headers.slice(index, index + 2);
    const lower = name.toLowerCase();
    if (!ofTheBridge.has(lower) && !lower.startsWith(paramHeaderPrefix)) kept.push(name, value);
  }
  return [...kept, ...modernHeaders(message, params)];
}

/** What `Mcp-Name` mirrors: the tool's or prompt's name, the resource's URI; of nothing else. */
export function nameOf(method: string, message: string): string | undefined {
  if (method === "tools/call" || method === "prompts/get") return stringOf(memberText(message, "params", "name"));
  return method === "resources/read" ? stringOf(memberText(message, "params", "uri")) : undefined;
}

/** The argument as a header writes it: a number with the digits of the body. Undefined where it is absent, null or no primitive. */
function argumentOf(message: string, { path }: ParamHeader): string | undefined {
  const text = memberText(message, "params", "arguments", ...path);
  if (text === undefined || text === "null" || /^[[{]/.test(text)) return undefined;
  return text.startsWith('"') ? stringOf(text) : text;
}

const plainValue = /^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/;
const sentinel = /^=\?base64\?(.*)\?=$/s;
const canonicalBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A value that a header cannot hold as it is, or that looks like an encoded one, goes as Base64 of its UTF-8. */
export function encodeHeaderValue(value: string): string {
  if (plainValue.test(value) && !sentinel.test(value)) return value;
  return value === "" ? "" : `=?base64?${Buffer.from(value).toString("base64")}?=`;
}

/** Undefined for a sentinel around what is no Base64 of UTF-8. */
export function decodeHeaderValue(value: string): string | undefined {
  const encoded = sentinel.exec(value)?.[1];
  if (encoded === undefined) return value;
  if (!canonicalBase64.test(encoded)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(encoded, "base64"));
  } catch {
    return undefined;
  }
}

/** Why headers and body of a modern client's request disagree, for the message of a -32020; undefined if they agree. The body wins. */
export function headerMismatch(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  message: string,
  revision: string,
  params: readonly ParamHeader[] = [],
): string | undefined {
  const method = stringOf(memberText(message, "method")) ?? "";
  const expected: (readonly [string, string | undefined])[] = [
    [protocolVersionHeader, revision],
    [methodHeader, method],
    [nameHeader, nameOf(method, message)],
  ];
  for (const [name, wanted] of expected) {
    const fault = wanted === undefined ? undefined : mismatchOf(headers, name, wanted, false);
    if (fault !== undefined) return fault;
  }
  if (method !== "tools/call") return undefined;
  for (const param of params) {
    const wanted = argumentOf(message, param);
    const isNumber = param.type === "integer" || param.type === "number";
    const name = `${paramHeaderPrefix}${param.name.toLowerCase()}`;
    const fault = wanted === undefined ? undefined : mismatchOf(headers, name, wanted, isNumber);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function mismatchOf(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  name: string,
  wanted: string,
  isNumber: boolean,
): string | undefined {
  const sent = headers[name];
  if (sent === undefined) return `the header ${name} is missing`;
  if (typeof sent !== "string") return `the header ${name} stands twice`;
  const decoded = decodeHeaderValue(sent);
  if (decoded === undefined) return `the header ${name} holds no valid Base64 of UTF-8`;
  const agrees =
    decoded === wanted || (isNumber && /^-?\d+(\.\d+)?$/.test(decoded) && Number(decoded) === Number(wanted));
  return agrees ? undefined : `the header ${name} and the body do not agree`;
}
