// What the server is and offers, as each era says it: InitializeResult and DiscoverResult into one another. Pure; values stay JSON text.
import {
  editMembers,
  isObjectText,
  legacyRevisions,
  memberText,
  memberTexts,
  metaKey,
  modernRevisions,
} from "../../../protocol/index.ts";
import { revisionFor, withoutTasksExtension } from "./client-facts.ts";

const unknownServer = '{"name":"unknown","version":"0"}';

/** Server capabilities for a legacy client. `listChanged`, `subscribe` and `logging` stay, because the bridge serves them. */
export function serverCapabilitiesToLegacy(capabilities: string): string {
  return withoutTasksExtension(editMembers(objectOr(capabilities), { tasks: undefined }));
}

/** Some servers write null, or a list, where they offer nothing. */
function objectOr(text: string): string {
  return isObjectText(text) ? text : "{}";
}

/** Server capabilities for a modern client. Without a GET stream nothing could be announced, so nothing is promised. */
export function serverCapabilitiesToModern(capabilities: string, hasStream: boolean): string {
  const bare = withoutTasksExtension(editMembers(objectOr(capabilities), { tasks: undefined }));
  if (hasStream) return bare;
  return ["tools", "prompts", "resources"].reduce((text, kind) => {
    const declared = memberText(text, kind);
    if (!isObjectText(declared)) return text;
    const promised = memberTexts(declared);
    const silent = Object.fromEntries(
      ["listChanged", "subscribe"].filter((key) => promised.has(key)).map((key) => [key, "false"]),
    );
    return editMembers(text, { [kind]: editMembers(declared, silent) });
  }, bare);
}

/** The result of the `initialize` that a legacy client asked for, from what the modern server says of itself. */
export function discoverToInitialize(discovered: string, askedRevision: string): string {
  const meta = memberText(discovered, "_meta") ?? "{}";
  const serverInfo = memberText(meta, metaKey.serverInfo) ?? memberText(discovered, "serverInfo") ?? unknownServer;
  const capabilities = memberText(discovered, "capabilities") ?? "{}";
  const others = editMembers(discovered, {
    supportedVersions: undefined,
    resultType: undefined,
    ttlMs: undefined,
    cacheScope: undefined,
    _meta: isObjectText(meta) ? withoutServerMeta(meta) : undefined,
  });
  return editMembers(others, {
    protocolVersion: JSON.stringify(revisionFor(askedRevision)),
    capabilities: serverCapabilitiesToLegacy(capabilities),
    serverInfo,
  });
}

/** The result of the `server/discover` that a modern client asked for, from a legacy server's InitializeResult. */
export function initializeToDiscover(initialized: string, hasStream: boolean): string {
  const serverInfo = memberText(initialized, "serverInfo") ?? unknownServer;
  const capabilities = memberText(initialized, "capabilities") ?? "{}";
  const meta = memberText(initialized, "_meta");
  return editMembers(initialized, {
    protocolVersion: undefined,
    serverInfo: undefined,
    supportedVersions: JSON.stringify([...modernRevisions, ...legacyRevisions]),
    capabilities: serverCapabilitiesToModern(capabilities, hasStream),
    resultType: '"complete"',
    ttlMs: "0",
    cacheScope: '"private"',
    _meta: editMembers(isObjectText(meta) ? meta : "{}", { [metaKey.serverInfo]: serverInfo }),
  });
}

/** A result's `_meta` without what only the modern era puts there; undefined if nothing remains. */
export function withoutServerMeta(meta: string): string | undefined {
  const rest = editMembers(meta, { [metaKey.serverInfo]: undefined, [metaKey.subscriptionId]: undefined });
  return memberTexts(rest).size === 0 ? undefined : rest;
}
