// A line whose places are in its members.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type InLine, Line } from "./line.ts";

class Member implements InLine<Member> {
  before: Member | undefined;
  behind: Member | undefined;
  inLine = false;
}

const three = () => {
  const line = new Line<Member>();
  const [a, b, c] = [new Member(), new Member(), new Member()];
  for (const member of [a, b, c]) line.join(member);
  return { line, a, b, c };
};

describe("a line", () => {
  it("keeps the order in which its members came, whoever leaves", () => {
    const { line, a, b, c } = three();
    line.leave(b);
    assert.deepEqual([...line], [a, c]);
    line.leave(a);
    assert.equal(line.first, c);
    line.join(a);
    assert.deepEqual([...line], [c, a]);
    for (const member of [c, a, a]) line.leave(member);
    assert.equal(line.first, undefined);
  });

  it("leaves nothing that leads from one who left to those who came later", () => {
    const { line, a, b } = three();
    line.leave(a);
    line.leave(b);
    for (const left of [a, b]) assert.deepEqual([left.before, left.behind, left.inLine], [undefined, undefined, false]);
  });

  it("gives each who stays its turn, whoever leaves meanwhile", () => {
    const { line, a, b, c } = three();
    const seen: Member[] = [];
    for (const member of line) {
      seen.push(member);
      if (member === a) for (const other of [a, b]) line.leave(other);
    }
    assert.deepEqual(seen, [a, c]);
  });
});
