// Looks for one answer in an event stream while it comes: each event is read once, however many come before it.
import { SseObserver } from "../../protocol/index.ts";
import { type JsonObject, matching, parseObject } from "./read-answer.ts";

export class AwaitedAnswer {
  /** Set as soon as its event is whole. */
  found: JsonObject | undefined;
  readonly #observer: SseObserver;

  /** `longestBytes`: an event that is longer is not looked at. */
  constructor(id: string | number, longestBytes: number) {
    this.#observer = new SseObserver((event) => {
      if (this.found === undefined) this.found = matching(parseObject(event.text() ?? ""), id);
    }, longestBytes);
  }

  push(chunk: Uint8Array): void {
    this.#observer.push(chunk);
  }

  /** The stream is over: a line end that might have been half of one is none. */
  end(): void {
    this.#observer.end();
  }
}
