// Which requests of one session wait for their answer, found by id or by progress token. Holds no text.
import type { RawId } from "../../protocol/index.ts";
import type { PostReply } from "./post-reply.ts";

interface OpenCall {
  readonly reply: PostReply;
  readonly token: RawId | undefined;
  readonly isInitialize: boolean;
}

export class OpenCalls {
  /** Of equal ids, which a client must not use, the oldest is answered first. */
  readonly #byId = new Map<RawId, OpenCall[]>();
  readonly #byToken = new Map<RawId, PostReply>();
  /** Replies that take more than their answer, oldest first, with how many of their requests are open. */
  readonly #open = new Map<PostReply, number>();

  get size(): number {
    return this.#byId.size;
  }

  /** The only open call, if there is just one. */
  get only(): PostReply | undefined {
    return this.#open.size === 1 ? this.newest : undefined;
  }

  get newest(): PostReply | undefined {
    let newest: PostReply | undefined;
    for (const reply of this.#open.keys()) newest = reply;
    return newest;
  }

  has(id: RawId): boolean {
    return this.#keyOf(id) !== undefined;
  }

  holds(reply: PostReply): boolean {
    return this.#open.has(reply);
  }

  byToken(token: RawId): PostReply | undefined {
    return this.#byToken.get(token);
  }

  add(id: RawId, token: RawId | undefined, reply: PostReply, isInitialize: boolean): void {
    const call = { reply, token, isInitialize };
    const others = this.#byId.get(id);
    if (others === undefined) this.#byId.set(id, [call]);
    else others.push(call);
    if (token !== undefined) this.#byToken.set(token, reply);
    if (!reply.isPrivate) this.#open.set(reply, (this.#open.get(reply) ?? 0) + 1);
  }

  /** The call that this id answers, which is open no longer. */
  take(id: RawId): OpenCall | undefined {
    const key = this.#keyOf(id);
    const calls = key === undefined ? undefined : this.#byId.get(key);
    const call = calls?.shift();
    if (key === undefined || calls === undefined || call === undefined) return undefined;
    if (calls.length === 0) this.#byId.delete(key);
    this.#forget(call);
    return call;
  }

  /** Nobody waits for this reply any longer. */
  drop(reply: PostReply): void {
    for (const [id, calls] of this.#byId) {
      const left = calls.filter((call) => call.reply !== reply);
      if (left.length === calls.length) continue;
      if (left.length === 0) this.#byId.delete(id);
      else this.#byId.set(id, left);
      for (const call of calls) if (call.reply === reply) this.#forget(call);
    }
  }

  takeAll(): ReadonlySet<PostReply> {
    const replies = new Set([...this.#byId.values()].flat().map(({ reply }) => reply));
    this.#byId.clear();
    this.#byToken.clear();
    this.#open.clear();
    return replies;
  }

  #forget({ reply, token }: OpenCall): void {
    if (token !== undefined) this.#byToken.delete(token);
    const left = (this.#open.get(reply) ?? 1) - 1;
    if (left > 0) this.#open.set(reply, left);
    else this.#open.delete(reply);
  }

  /** A server may write an id in another way than the client did: escaped, or without its fraction. */
  #keyOf(id: RawId): RawId | undefined {
    if (this.#byId.has(id)) return id;
    const value: unknown = JSON.parse(id);
    for (const asked of this.#byId.keys()) if (JSON.parse(asked) === value) return asked;
    return undefined;
  }
}
