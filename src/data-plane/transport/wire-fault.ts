// Why a wire could not be opened or has ended, in the catalogue's words. Decides nothing.
import type { ErrorCode } from "../../errors/index.ts";

export class WireFault extends Error {
  override readonly name = "WireFault";
  readonly code: ErrorCode;
  /** Waiting does not mend it: whoever opens a session is told at once. */
  readonly final: boolean;

  /** `detail`: one more sentence for the reader; it names no address and holds no secret. */
  constructor(code: ErrorCode, detail: string, final = false) {
    super(detail);
    this.code = code;
    this.final = final;
  }
}
