// What a call was asked and answered so far: where it runs anew on a restored session, its server asks the same again, and the client need not hear of it.
import { askToModern } from "../translate/asks.ts";
import type { OpenAsk } from "./park-machine.ts";

export class AskedBefore {
  #generation: number | undefined;
  #answers: { readonly question: string; readonly response: string }[] = [];
  /** Keys of open questions that the new run has asked already. */
  readonly #renewed = new Set<string>();
  #isAnew = false;

  /** Notes under which generation of the session a question came. */
  see(generation: number | undefined): void {
    if (generation === undefined || generation === this.#generation) return;
    if (this.#generation !== undefined) {
      this.#isAnew = true;
      this.#renewed.clear();
    }
    this.#generation = generation;
  }

  answered({ method, params }: Pick<OpenAsk, "method" | "params">, response: string): void {
    this.#answers.push({ question: askToModern(method, params), response });
  }

  /** The answer that the client gave to this very question before; each is used once per run. */
  answerTo({ method, params }: Pick<OpenAsk, "method" | "params">): string | undefined {
    if (!this.#isAnew) return undefined;
    const question = askToModern(method, params);
    const known = this.#answers.findIndex((each) => each.question === question);
    return known < 0 ? undefined : this.#answers.splice(known, 1)[0]?.response;
  }

  /** The question among those still open that this one is. */
  openOf(asks: readonly OpenAsk[], { method, params }: Pick<OpenAsk, "method" | "params">): OpenAsk | undefined {
    if (!this.#isAnew) return undefined;
    const question = askToModern(method, params);
    const open = asks.find((ask) => askToModern(ask.method, ask.params) === question && !this.#renewed.has(ask.key));
    if (open !== undefined) this.#renewed.add(open.key);
    return open;
  }
}
