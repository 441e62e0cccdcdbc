// Edits JSON text by its spans: what is not named keeps every byte, its digits, its order, its white space. Never builds a value of what it passes over.

/** One member of an object's text: where the whole member stands, where its value stands. */
interface Member {
  readonly key: string;
  readonly from: number;
  readonly valueFrom: number;
  readonly to: number;
}

/** What a member's text becomes; undefined removes the member. */
export type Edits = Readonly<Record<string, string | undefined>>;

declare const object: unique symbol;
/** The text of a JSON object. */
export type ObjectText = string & { readonly [object]: true };

/** True if the text is a JSON object, judged by its first character. */
export function isObjectText(text: string | undefined): text is ObjectText {
  return text !== undefined && text.charCodeAt(skipSpace(text, 0)) === openBrace;
}

/**
 * The text of the value under a path of keys, or undefined where there is none. Of members with one name the last counts, as for JSON.parse.
 * @throws SyntaxError for text that is no JSON on the way to it
 */
export function memberText(text: string, ...path: readonly string[]): string | undefined {
  let found: string | undefined = text;
  for (const key of path) {
    if (!isObjectText(found)) return undefined;
    const member: Member | undefined = membersOf(found).findLast((each) => each.key === key);
    if (member === undefined) return undefined;
    found = found.slice(member.valueFrom, member.to);
  }
  return found;
}

/** The members of an object's text by name; of one name the last. Empty for anything but an object. */
export function memberTexts(text: string): ReadonlyMap<string, string> {
  if (!isObjectText(text)) return new Map();
  return new Map(membersOf(text).map(({ key, valueFrom, to }) => [key, text.slice(valueFrom, to)]));
}

/** The elements of an array's text. Empty for anything but an array. */
export function elementTexts(text: string): readonly string[] {
  return elementsOf(text).map(([from, to]) => text.slice(from, to));
}

/** The array's text with each element put through `change`; everything between the elements stays. */
export function mapElements(text: string, change: (element: string) => string): string {
  let changed = "";
  let at = 0;
  for (const [from, to] of elementsOf(text)) {
    changed += text.slice(at, from) + change(text.slice(from, to));
    at = to;
  }
  return changed + text.slice(at);
}

/**
 * The object's text with members set or removed. A member that is edited stands once afterwards, whatever stood before: of two with one name
 * each parser takes another. A new member goes to the end. Returns the very text where nothing changes.
 */
export function editMembers(text: string, edits: Edits): string {
  const members = membersOf(text);
  const named = members.filter(({ key }) => Object.hasOwn(edits, key));
  const added = Object.keys(edits).filter((key) => edits[key] !== undefined && !named.some((each) => each.key === key));
  if (named.length === 0 && added.length === 0) return text;
  const last = new Map(named.map((member) => [member.key, member]));
  const begin = members[0]?.from ?? skipSpace(text, 0) + 1;
  let edited = text.slice(0, begin);
  let isFirst = true;
  for (const [index, member] of members.entries()) {
    const isNamed = last.has(member.key);
    const value = isNamed ? edits[member.key] : text.slice(member.valueFrom, member.to);
    if (value === undefined || (isNamed && last.get(member.key) !== member)) continue;
    if (!isFirst) edited += text.slice(members[index - 1]?.to, member.from);
    edited += text.slice(member.from, member.valueFrom) + value;
    isFirst = false;
  }
  for (const key of added) {
    edited += `${isFirst ? "" : ","}${JSON.stringify(key)}:${edits[key]}`;
    isFirst = false;
  }
  return edited + text.slice(members.at(-1)?.to ?? begin);
}

/** Edits the object under a path of keys; where there is none it is made, unless nothing would be put into it. */
export function editUnder(text: string, path: readonly string[], edits: Edits): string {
  const [key, ...rest] = path;
  if (key === undefined) return editMembers(text, edits);
  const inner = memberText(text, key);
  if (!isObjectText(inner) && Object.values(edits).every((value) => value === undefined)) return text;
  const changed = editUnder(isObjectText(inner) ? inner : "{}", rest, edits);
  return changed === inner ? text : editMembers(text, { [key]: changed });
}

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;

function membersOf(text: string): readonly Member[] {
  const members: Member[] = [];
  let at = expect(text, skipSpace(text, 0), openBrace);
  at = skipSpace(text, at);
  if (text.charCodeAt(at) === closeBrace) return members;
  for (;;) {
    const from = at;
    const keyTo = skipString(text, expect(text, at, quote));
    const valueFrom = skipSpace(text, expect(text, skipSpace(text, keyTo), colon));
    const to = skipValue(text, valueFrom);
    members.push({ key: keyOf(text.slice(from, keyTo)), from, valueFrom, to });
    at = skipSpace(text, to);
    if (text.charCodeAt(at) === closeBrace) return members;
    at = skipSpace(text, expect(text, at, comma));
  }
}

function elementsOf(text: string): readonly (readonly [number, number])[] {
  const elements: [number, number][] = [];
  let at = skipSpace(text, 0);
  if (text.charCodeAt(at) !== openBracket) return elements;
  at = skipSpace(text, at + 1);
  if (text.charCodeAt(at) === closeBracket) return elements;
  for (;;) {
    const to = skipValue(text, at);
    elements.push([at, to]);
    at = skipSpace(text, to);
    if (text.charCodeAt(at) === closeBracket) return elements;
    at = skipSpace(text, expect(text, at, comma));
  }
}

function keyOf(quoted: string): string {
  return quoted.includes("\\") ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09; )
    code = text.charCodeAt(++at);
  return at;
}

function expect(text: string, at: number, code: number): number {
  if (text.charCodeAt(at) !== code) throw new SyntaxError(`no ${String.fromCharCode(code)} at character ${at}`);
  return at + 1;
}

/** From behind the opening quote to behind the closing one. */
function skipString(text: string, from: number): number {
  let at = from;
  for (;;) {
    at = text.indexOf('"', at);
    if (at < 0) throw new SyntaxError("a string without its end");
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === backslash) slashes += 1;
    at += 1;
    if (slashes % 2 === 0) return at;
  }
}

/** To behind the value. Brackets are counted, not matched: the text has been read as valid JSON before, or is refused by whoever parses it. */
function skipValue(text: string, from: number): number {
  let at = from;
  let depth = 0;
  for (;;) {
    const code = text.charCodeAt(at);
    if (Number.isNaN(code)) throw new SyntaxError("the text ends inside a value");
    if (code === quote) at = skipString(text, at + 1);
    else if (code === openBrace || code === openBracket) {
      depth += 1;
      at += 1;
      continue;
    } else if (code === closeBrace || code === closeBracket) {
      depth -= 1;
      at += 1;
    } else if (depth === 0) return skipScalar(text, at);
    else {
      at += 1;
      continue;
    }
    if (depth === 0) return at;
    if (depth < 0) throw new SyntaxError(`no value at character ${from}`);
  }
}

const scalar = /[-+.0-9A-Za-z]+/y;

function skipScalar(text: string, from: number): number {
  scalar.lastIndex = from;
  if (!scalar.test(text)) throw new SyntaxError(`no value at character ${from}`);
  return scalar.lastIndex;
}
