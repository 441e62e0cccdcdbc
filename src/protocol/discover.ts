// `server/discover` as Holdfast itself asks it, to learn what a server speaks.
import { metaKey, modernRevision } from "./eras.ts";
import type { RawId } from "./message.ts";

export function writeDiscover(id: RawId): string {
  const meta = {
    [metaKey.protocolVersion]: modernRevision,
    [metaKey.clientInfo]: { name: "holdfast", version: "1" },
    [metaKey.clientCapabilities]: {},
  };
  return `{"jsonrpc":"2.0","id":${id},"method":"server/discover","params":{"_meta":${JSON.stringify(meta)}}}`;
}
