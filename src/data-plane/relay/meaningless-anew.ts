// Which messages mean nothing to a session that was just opened: answers to its predecessor's questions, news of its requests. Pure.
import { isBoundToRequest, type Scanned } from "../../protocol/index.ts";

export function isMeaninglessAnew(scanned: Scanned | undefined): boolean {
  if (scanned?.shape !== "single") return false;
  const { kind, method } = scanned.envelope;
  if (kind === "result" || kind === "error") return true;
  return method === "notifications/initialized" || (method !== undefined && isBoundToRequest(method));
}
