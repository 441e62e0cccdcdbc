// The failure of a restore in front mode that the client must see exactly as the server said it.
import { ProxyError } from "../../errors/index.ts";
import type { Refusal } from "./initialize.ts";

export class RestoreRefused extends ProxyError {
  readonly refusal: Refusal;
  readonly #credential: string | undefined;

  constructor(error: ProxyError, refusal: Refusal, headers: readonly string[]) {
    super(error.code, error.details);
    this.refusal = refusal;
    this.#credential = credentialIn(headers);
  }

  /** True if this refusal was of another credential than the one in `headers`, which is still to be tried. */
  isOfAnother(headers: readonly string[]): boolean {
    return this.code === "AUTHORIZATION_REQUIRED" && credentialIn(headers) !== this.#credential;
  }
}

function credentialIn(headers: readonly string[]): string | undefined {
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index]?.toLowerCase() === "authorization") return headers[index + 1];
  }
  return undefined;
}
