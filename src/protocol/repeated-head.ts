// The head of an HTTP message as its sender wrote it last. A client's requests on one connection, and a server's answers, differ in little but the length they
// announce: a head that says again what was read before needs no second reading. Pure.

/** `Read`: what the head was read as. Of one connection, so that nobody is known by what somebody else wrote. */
export class RepeatedHead<Read> {
  #before = "";
  #after = "";
  #announces = false;
  #read: Read | undefined;

  /** `head` was read as `read`; the length that it announces is its `digits` characters from `lengthAt` on, none where it announces none. */
  remember(head: string, lengthAt: number, digits: number, read: Read): void {
    this.#before = head.slice(0, lengthAt);
    this.#after = head.slice(lengthAt + digits);
    this.#announces = digits > 0;
    this.#read = read;
  }

  /** What was read, if `head` is the one that is remembered in every byte, those of its length excepted. */
  find(head: string): Read | undefined {
    const others = this.#before.length + this.#after.length;
    if (this.#read === undefined || (this.#announces ? head.length <= others : head.length !== others))
      return undefined;
    return head.startsWith(this.#before) && head.endsWith(this.#after) ? this.#read : undefined;
  }

  /** What stands in the place of the length, in a head that was found. No more is known of it than that it is not empty where there was one. */
  lengthIn(head: string): string {
    return head.slice(this.#before.length, head.length - this.#after.length);
  }
}
