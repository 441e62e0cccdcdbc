// Seals what the database must not show: AES-256-GCM, each text bound to its row. Knows nothing of connectors.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const version = 1;
const nonceBytes = 12;
const tagBytes = 16;

export interface Sealer {
  /** `row` names the row; the same bytes in another row cannot be opened. */
  seal(text: string, row: string): Uint8Array;
  /** Undefined: another key, another row, or damaged. */
  open(sealed: Uint8Array, row: string): string | undefined;
}

const purposes = { settings: "holdfast connector settings", credentials: "holdfast credentials" } as const;

/** `key`: at least 32 bytes of secret; what is used is derived from it for this purpose alone (RFC 5869). */
export function openSealer(key: Uint8Array, purpose: keyof typeof purposes = "settings"): Sealer {
  const derived = Buffer.from(hkdfSync("sha256", key, "", purposes[purpose], 32));
  return {
    seal(text, row) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", derived, nonce).setAAD(Buffer.from(row));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), body]);
    },
    open(sealed, row) {
      const bytes = Buffer.from(sealed);
      if (bytes[0] !== version || bytes.length < 1 + nonceBytes + tagBytes) return undefined;
      const nonce = bytes.subarray(1, 1 + nonceBytes);
      const tag = bytes.subarray(1 + nonceBytes, 1 + nonceBytes + tagBytes);
      const decipher = createDecipheriv("aes-256-gcm", derived, nonce, { authTagLength: tagBytes })
        .setAAD(Buffer.from(row))
        .setAuthTag(tag);
      try {
        const body = bytes.subarray(1 + nonceBytes + tagBytes);
        return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
      } catch {
        return undefined;
      }
    },
  };
}
