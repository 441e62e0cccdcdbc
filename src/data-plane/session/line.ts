// A line that calls or streams join and leave: a linked list whose places are in its members, so that neither costs an allocation.

export interface InLine<Member> {
  before: Member | undefined;
  behind: Member | undefined;
  inLine: boolean;
}

/**
 * Members in the order in which they came. Not a `Set`: one that is filled and emptied without end replaces its table again and again, each old
 * table points to the next, and V8's young collections then take whatever hangs on a dead one for alive (measured: 20 of 99 us per call).
 */
export class Line<Member extends InLine<Member>> {
  #first: Member | undefined;
  #last: Member | undefined;

  get first(): Member | undefined {
    return this.#first;
  }

  join(member: Member): void {
    member.inLine = true;
    member.before = this.#last;
    if (this.#last === undefined) this.#first = member;
    else this.#last.behind = member;
    this.#last = member;
  }

  /** Does nothing for one who has left. */
  leave(member: Member): void {
    if (!member.inLine) return;
    const { before, behind } = member;
    if (before === undefined) this.#first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
    member.inLine = false;
    // What has left must not lead to those who come later.
    member.before = member.behind = undefined;
  }

  /** Those who are in line now, but for those who leave before it is their turn. */
  *[Symbol.iterator](): Generator<Member> {
    const all: Member[] = [];
    for (let member = this.#first; member !== undefined; member = member.behind) all.push(member);
    for (const member of all) if (member.inLine) yield member;
  }
}
