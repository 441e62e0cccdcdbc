// Which messages mean nothing to a session that was just opened: answers to its predecessor's questions, news of its requests. Pure.
import { type Envelope, isBoundToRequest, type Scanned } from "../../protocol/index.ts";

/** Of a batch: all that it is made of. */
export function isMeaninglessAnew(scanned: Scanned | undefined): boolean {
  if (scanned?.shape === "single") return isMeaningless(scanned.envelope);
  return scanned?.shape === "batch" && scanned.envelopes.every(isMeaningless);
}

function isMeaningless({ kind, method }: Envelope): boolean {
  if (kind === "result" || kind === "error") return true;
  return method === "notifications/initialized" || (method !== undefined && isBoundToRequest(method));
}
