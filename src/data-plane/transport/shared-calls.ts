// The open requests of all sessions on a shared wire, each under a number that none of the others has.
import type { RawId } from "../../protocol/index.ts";

interface SharedCall<Owner> {
  readonly member: Owner;
  /** As the session's client wrote them. */
  readonly id: RawId;
  readonly token: RawId | undefined;
  readonly isInitialize: boolean;
}

export class SharedCalls<Owner> {
  readonly #calls = new Map<RawId, SharedCall<Owner>>();
  /** Their clients wait no longer, so nothing that the server says is about them. */
  readonly #cancelled = new Set<RawId>();
  #last = 0;

  /** Its number, which stands for its id and for its progress token. */
  add(call: SharedCall<Owner>): RawId {
    this.#last += 1;
    const own = String(this.#last);
    this.#calls.set(own, call);
    return own;
  }

  get(own: RawId): SharedCall<Owner> | undefined {
    return this.#calls.get(own);
  }

  take(own: RawId): SharedCall<Owner> | undefined {
    // A server may write the number in another way: 7.0, "7".
    const key = this.#calls.has(own) ? own : String(Number(JSON.parse(own)));
    const call = this.#calls.get(key);
    this.#calls.delete(key);
    this.#cancelled.delete(key);
    return call;
  }

  /** The number of a session's open request. */
  find(member: Owner, id: RawId): RawId | undefined {
    for (const [own, call] of this.#calls) if (call.member === member && call.id === id) return own;
    return undefined;
  }

  cancel(own: RawId): void {
    this.#cancelled.add(own);
  }

  /** Those who have a call open, but for initialize. */
  get callers(): ReadonlySet<Owner> {
    const callers = new Set<Owner>();
    for (const [own, { member, isInitialize }] of this.#calls)
      if (!isInitialize && !this.#cancelled.has(own)) callers.add(member);
    return callers;
  }

  /** Forgets the calls of one session, and gives their numbers. The server's only initialize stays: others wait for it. */
  leave(member: Owner): readonly RawId[] {
    const left: RawId[] = [];
    for (const [own, call] of this.#calls) {
      if (call.member !== member || call.isInitialize) continue;
      this.#calls.delete(own);
      this.#cancelled.delete(own);
      left.push(own);
    }
    return left;
  }
}
