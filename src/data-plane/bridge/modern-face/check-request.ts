// What a modern server checks of every request before it looks at its method (2026-07-28, basic and Streamable HTTP). Pure.
import { isObjectText, memberText, metaKey, modernRevisions, rpcCode } from "../../../protocol/index.ts";
import { type ClientFacts, readRequestMeta, stringOf } from "../translate/client-facts.ts";
import { rpcError } from "../translate/errors.ts";
import { headerMismatch, type ParamHeader } from "../translate/modern-headers.ts";
import { isLegacyOnly } from "../translate/requests.ts";
import type { Outcome } from "./client-reply.ts";

/** The only requests in the middle of which a server may ask (2026-07-28, "Multi round-trip requests"). */
export const mayRequireInput: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"]);

type Headers = Readonly<Record<string, string | string[] | undefined>>;

function refused(status: number, code: number, message: string, data?: string): Outcome {
  return { status, member: "error", text: rpcError(code, message, data) };
}

/** What a request without its envelope is refused with. */
function checkEnvelope(request: string): Outcome | undefined {
  const meta = memberText(request, "params", "_meta");
  const missing = [metaKey.protocolVersion, metaKey.clientCapabilities].find(
    (key) => !isObjectText(meta) || memberText(meta, key) === undefined,
  );
  if (missing !== undefined) return refused(400, rpcCode.invalidParams, `params._meta lacks ${missing}.`);
  if (isObjectText(memberText(meta ?? "{}", metaKey.clientCapabilities))) return undefined;
  return refused(400, rpcCode.invalidParams, `params._meta: ${metaKey.clientCapabilities} is no object.`);
}

/** The caller's facts, or what the request is refused with. */
export function checkRequest(request: string, headers: Headers): ClientFacts | Outcome {
  const method = stringOf(memberText(request, "method")) ?? "";
  const incomplete = checkEnvelope(request);
  if (incomplete !== undefined) return incomplete;
  const client = readRequestMeta(request);
  const mismatch = headerMismatch(headers, request, client.revision);
  if (mismatch !== undefined) return refused(400, rpcCode.headerMismatch, mismatch);
  if (!modernRevisions.includes(client.revision)) {
    const data = JSON.stringify({ supported: modernRevisions, requested: client.revision });
    return refused(400, rpcCode.unsupportedVersion, "This revision of the protocol is not served.", data);
  }
  if (isLegacyOnly(method)) return refused(404, rpcCode.methodNotFound, `${method} is no method of this revision.`);
  return client;
}

/** What an HTTP server refuses by itself, and one that sees only messages cannot: headers that say something else. Which revisions are served is its own word. */
export function checkHeaders(request: string, headers: Headers, params: readonly ParamHeader[]): Outcome | undefined {
  const incomplete = checkEnvelope(request);
  if (incomplete !== undefined) return incomplete;
  const mismatch = headerMismatch(headers, request, readRequestMeta(request).revision, params);
  return mismatch === undefined ? undefined : refused(400, rpcCode.headerMismatch, mismatch);
}

/** The headers that mirror a tool's arguments; checked once the tool's schema is known. */
export function checkParams(request: string, headers: Headers, params: readonly ParamHeader[]): Outcome | undefined {
  if (params.length === 0) return undefined;
  const mismatch = headerMismatch(headers, request, readRequestMeta(request).revision, params);
  return mismatch === undefined ? undefined : refused(400, rpcCode.headerMismatch, mismatch);
}

export function missingCapability(required: string): Outcome {
  const data = `{"requiredCapabilities":${required}}`;
  return refused(400, rpcCode.missingCapability, "This needs what the client did not declare that it can do.", data);
}
