// Front mode: the server refused what Holdfast sent under a caller's credential, and that caller must see exactly what the server said.
import { ProxyError } from "../../errors/index.ts";
import type { Refusal } from "./initialize.ts";

export class RestoreRefused extends ProxyError {
  readonly refusal: Refusal;
  readonly #headers: readonly string[];

  constructor(error: ProxyError, refusal: Refusal, headers: readonly string[]) {
    super(error.code, error.details);
    this.refusal = refusal;
    this.#headers = headers;
  }

  /** True if this refusal was of another credential than the one in `headers`, which is still to be tried. */
  isOfAnother(headers: readonly string[]): boolean {
    return !isSameCredential(this.#headers, headers);
  }
}

/** 401 and 403 are about who asks; every other refusal concerns all callers alike. */
export function isCredentialRefusal(status: number): boolean {
  return status === 401 || status === 403;
}

/** By the headers in which clients and edges present one. */
const credentialNames: ReadonlySet<string> = new Set(["authorization", "cookie", "x-api-key"]);

/** Flat names and values on both sides. */
export function isSameCredential(a: readonly string[], b: readonly string[]): boolean {
  return a === b || credentialIn(a) === credentialIn(b);
}

function credentialIn(headers: readonly string[]): string {
  const held: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]?.toLowerCase() ?? "";
    if (credentialNames.has(name)) held.push(`${name}: ${headers[index + 1]}`);
  }
  return held.join("\n");
}
