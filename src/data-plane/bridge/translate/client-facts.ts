// Who the client is and what it can do, as each era says it: once in `initialize`, or in the `_meta` of every request. Pure; values stay JSON text.
import {
  editMembers,
  editUnder,
  isObjectText,
  latestLegacyRevision,
  legacyRevisions,
  memberText,
  memberTexts,
  metaKey,
  type RawId,
} from "../../../protocol/index.ts";

/** JSON texts, each an object; `revision` is a plain string. */
export interface ClientFacts {
  readonly info: string;
  readonly capabilities: string;
  /** The revision that the client speaks or asked for. */
  readonly revision: string;
}

const unknownClient = '{"name":"unknown","version":"0"}';

/** From a legacy client's `initialize` request. */
export function readInitialize(initialize: string): ClientFacts {
  const params = memberText(initialize, "params") ?? "{}";
  return {
    info: objectOr(memberText(params, "clientInfo"), unknownClient),
    capabilities: objectOr(memberText(params, "capabilities"), "{}"),
    revision: stringOf(memberText(params, "protocolVersion")) ?? latestLegacyRevision,
  };
}

/** From the `_meta` of a modern client's request. */
export function readRequestMeta(request: string): ClientFacts {
  const meta = memberText(request, "params", "_meta") ?? "{}";
  return {
    info: objectOr(memberText(meta, metaKey.clientInfo), unknownClient),
    capabilities: objectOr(memberText(meta, metaKey.clientCapabilities), "{}"),
    revision: stringOf(memberText(meta, metaKey.protocolVersion)) ?? "",
  };
}

/** The revision that a legacy client is told: the one it asked for if that is a known one, else the latest. */
export function revisionFor(asked: string): string {
  return legacyRevisions.includes(asked) ? asked : latestLegacyRevision;
}

/**
 * A legacy client's capabilities as a modern server reads them in each request. Tasks are not bridged, nobody could announce changed roots, and
 * an empty `elicitation` meant forms before there was anything else.
 */
export function clientCapabilitiesToModern(capabilities: string): string {
  const bare = editMembers(capabilities, { tasks: undefined });
  const rooted = isObjectText(memberText(bare, "roots"))
    ? editUnder(bare, ["roots"], { listChanged: undefined })
    : bare;
  const elicitation = memberText(rooted, "elicitation");
  const isBare = isObjectText(elicitation) && memberTexts(elicitation).size === 0;
  return isBare ? editMembers(rooted, { elicitation: '{"form":{}}' }) : rooted;
}

/** A modern client's capabilities as they are declared to a legacy server: no more than the client has, no tasks, and no `listChanged` that would never come. */
export function clientCapabilitiesToLegacy(capabilities: string): string {
  return withoutTasksExtension(clientCapabilitiesToModern(capabilities));
}

const tasksExtension = "io.modelcontextprotocol/tasks";

/** Both eras' capabilities without the tasks extension; other extensions cross untouched. */
export function withoutTasksExtension(capabilities: string): string {
  const extensions = memberText(capabilities, "extensions");
  if (!isObjectText(extensions) || !memberTexts(extensions).has(tasksExtension)) return capabilities;
  const rest = editMembers(extensions, { [tasksExtension]: undefined });
  return editMembers(capabilities, { extensions: memberTexts(rest).size === 0 ? undefined : rest });
}

/** The `initialize` with which a session of a legacy server is opened on behalf of a modern client. */
export function writeInitialize(client: ClientFacts, id: RawId, revision = latestLegacyRevision): string {
  const capabilities = clientCapabilitiesToLegacy(client.capabilities);
  const params = `{"protocolVersion":${JSON.stringify(revision)},"capabilities":${capabilities},"clientInfo":${client.info}}`;
  return `{"jsonrpc":"2.0","id":${id},"method":"initialize","params":${params}}`;
}

/** True if the client declared the capability at this path, such as `elicitation`, `url`. */
export function declares(capabilities: string, ...path: readonly string[]): boolean {
  const value = memberText(capabilities, ...path);
  return value !== undefined && value !== "null" && value !== "false";
}

function objectOr(text: string | undefined, otherwise: string): string {
  return isObjectText(text) ? text : otherwise;
}

/** The string that a JSON text is, or undefined. */
export function stringOf(text: string | undefined): string | undefined {
  const value: unknown = text?.startsWith('"') === true ? JSON.parse(text) : undefined;
  return typeof value === "string" ? value : undefined;
}
