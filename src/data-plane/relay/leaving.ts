// That nobody waits any more, told to the one thing that is under way: a request at the server, or a pause. Cheaper than a signal, for every call has one.
import type { WireRequest } from "../transport/index.ts";

export class Leaving {
  #isLeft = false;
  #end: (() => void) | undefined;
  #controller: AbortController | undefined;

  /** `end` is called when nobody waits any more, at once if that is so already, and takes the place of what was under way before. */
  ends(end: () => void): void {
    this.#end = end;
    if (this.#isLeft) end();
  }

  leave(): void {
    this.#isLeft = true;
    this.#end?.();
    this.#controller?.abort();
  }

  /** For wires that need one: made when it is asked for. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isLeft) this.#controller.abort();
    return this.#controller.signal;
  }
}

/** A POST that ends when its client leaves. A class: an accessor in each literal would give each request a shape of its own. */
export class EndingPost implements WireRequest {
  readonly method = "POST";
  readonly headers: string[];
  readonly body: WireRequest["body"];
  readonly #leaving: Leaving;

  constructor(headers: string[], body: WireRequest["body"], leaving: Leaving) {
    this.headers = headers;
    this.body = body;
    this.#leaving = leaving;
  }

  onSent(abort: () => void): void {
    this.#leaving.ends(abort);
  }

  get signal(): AbortSignal {
    return this.#leaving.signal;
  }
}
