// The requestState of a parked call: sealed with AES-256-GCM, so that a client can neither read nor change it. Knows nothing of what is parked.
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import { editMembers, memberText } from "../../../protocol/index.ts";
import { canonical } from "./pool-key.ts";

/** `park`: a call waits at the server. `again`: nothing waits, the retry is the call itself once more (a URL had to be visited first). */
export interface StateFacts {
  readonly kind: "park" | "again";
  readonly park: string;
  readonly connector: string;
  readonly principal: string;
  /** Of method and params without what a retry adds. */
  readonly digest: string;
  readonly round: number;
  /** Milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

const prefix = "hf1.";
const ivBytes = 12;
const tagBytes = 16;
/** Far beyond any state of ours. */
const longestState = 2048;

export class StateSeal {
  readonly #key: Uint8Array;

  /** `secret`: of the data directory, so that a state is still ours after a restart. */
  constructor(secret: Uint8Array) {
    this.#key = new Uint8Array(hkdfSync("sha256", secret, "", "holdfast request state", 32));
  }

  seal(facts: StateFacts): string {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv("aes-256-gcm", this.#key, iv);
    cipher.setAAD(Buffer.from(prefix));
    const sealed = Buffer.concat([cipher.update(JSON.stringify(facts)), cipher.final()]);
    return prefix + Buffer.concat([iv, sealed, cipher.getAuthTag()]).toString("base64url");
  }

  /** Undefined for what this seal did not make. */
  open(state: string): StateFacts | undefined {
    if (!state.startsWith(prefix) || state.length > longestState) return undefined;
    const text = state.slice(prefix.length);
    const bytes = Buffer.from(text, "base64url");
    // Base64 reads over characters that are none; a state with anything added is not the one that was given.
    if (bytes.toString("base64url") !== text || bytes.length <= ivBytes + tagBytes) return undefined;
    const decipher = createDecipheriv("aes-256-gcm", this.#key, bytes.subarray(0, ivBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(Buffer.from(prefix));
    decipher.setAuthTag(bytes.subarray(-tagBytes));
    try {
      const opened = Buffer.concat([decipher.update(bytes.subarray(ivBytes, -tagBytes)), decipher.final()]);
      return JSON.parse(opened.toString()) as StateFacts;
    } catch {
      return undefined;
    }
  }
}

export type StateFault = "forged" | "foreign" | "expired" | "other-request";

/** Why a state may not be used for this request; undefined if it may. */
export function faultOf(
  facts: StateFacts | undefined,
  caller: Pick<StateFacts, "connector" | "principal" | "digest">,
  nowMs: number,
): StateFault | undefined {
  if (facts === undefined) return "forged";
  // Who it belongs to comes first: a stranger learns nothing of it, not even its age.
  if (facts.connector !== caller.connector || facts.principal !== caller.principal) return "foreign";
  if (facts.digest !== caller.digest) return "other-request";
  return facts.expiresAtMs < nowMs ? "expired" : undefined;
}

/** What a retry must have in common with the request that it repeats. The envelope is left out: a retry may carry another progress token. */
export function requestDigest(request: string): string {
  const method = memberText(request, "method") ?? "";
  const params = memberText(request, "params") ?? "{}";
  const bare = editMembers(params, { _meta: undefined, inputResponses: undefined, requestState: undefined });
  return createHash("sha256")
    .update(`${method}\n${canonical(bare)}`)
    .digest("base64url");
}
