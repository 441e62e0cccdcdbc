// Reads the envelope (kind, id, method) of JSON-RPC messages from their bytes as they pass, and whether they are JSON at all. Keeps nothing else of them and never rebuilds them.
import { JsonReader, type JsonWatcher } from "./json-reader.ts";
import type { Envelope, Scanned } from "./message.ts";

const batchMax = 10_000;
const methodMaxCharacters = 1024;
/** A method of 1,024 characters written all in escapes, and the cut one after it. */
const methodKeptBytes = 6 * (methodMaxCharacters + 1);
/** `"2.0"` written all in escapes. */
const versionKeptBytes = 3 * 6 + 2;
const idMaxBytes = 64 * 1024;
const rememberedBytes = 64;
/** `"jsonrpc"` written all in escapes. */
const keyMaxBytes = 7 * 6 + 2;

const names = ["id", "method", "jsonrpc", "result", "error"] as const;
type Member = (typeof names)[number] | "other";
const members: ReadonlyMap<string, Member> = new Map(names.map((name) => [name, name]));
/** As they stand in the text, so that none of them has to become a string. */
const written: readonly (readonly [Member, Uint8Array])[] = names.map((name) => [name, Buffer.from(`"${name}"`)]);
const version2 = Buffer.from('"2.0"');

/** The facts of one message, collected as its members pass. */
class EnvelopeCollector implements JsonWatcher {
  depth = 1;
  isBatch = false;
  fault: string | undefined;
  envelopes: Envelope[] = [];
  #count = 0;
  #isOpen = false;
  #member: Member = "other";
  #hasVersion = false;
  #isVersion2 = false;
  #hasId = false;
  #id: string | undefined;
  #hasMethod = false;
  #method: string | undefined;
  #result: "absent" | "null" | "present" = "absent";
  #error: "absent" | "null" | "present" = "absent";

  reset(): void {
    this.depth = 1;
    this.isBatch = false;
    this.fault = undefined;
    this.envelopes = [];
    this.#count = 0;
    this.#isOpen = false;
  }

  peek(): Envelope {
    const [first] = this.envelopes;
    if (first !== undefined) return first;
    const isResponse = !this.#hasMethod && (this.#result !== "absent" || this.#error !== "absent");
    return { kind: isResponse ? "result" : "request", id: this.#id, method: this.#method };
  }

  key(bytes: Uint8Array, from: number, to: number): void {
    if (!this.#isOpen) return;
    const member = memberOf(bytes, from, to);
    this.#member = member;
    if (member === "id") this.#hasId = this.#once(this.#hasId, member);
    else if (member === "method") this.#hasMethod = this.#once(this.#hasMethod, member);
    else if (member === "jsonrpc") this.#hasVersion = this.#once(this.#hasVersion, member);
  }

  begin(first: number, depth: number): number {
    if (depth === 0 && first === 0x5b) {
      this.isBatch = true;
      this.depth = 2;
      return 0;
    }
    if (depth < this.depth) {
      this.#openMessage(first === 0x7b);
      return 0;
    }
    return this.#isOpen ? this.#beginMember(first) : 0;
  }

  end(depth: number, bytes: Uint8Array, from: number, to: number): void {
    if (depth < this.depth) {
      if (this.#isOpen) this.#closeMessage();
      return;
    }
    if (to === from) return;
    if (this.#member === "method") this.#method = methodOf(bytes, from, to);
    else if (this.#member === "jsonrpc") this.#isVersion2 = isVersion2(bytes, from, to);
    else if (to - from > idMaxBytes) this.#refuse("the id is longer than 64 KiB");
    else this.#id = textOf(bytes, from, to);
  }

  #openMessage(isObject: boolean): void {
    this.#count++;
    if (this.#count > batchMax) this.#refuse(`the batch has more than ${batchMax} messages`);
    else if (!isObject) this.#refuse("a JSON-RPC message is a JSON object");
    // After a fault nothing is collected: the verdict is known but for the validity of the rest.
    this.#isOpen = this.fault === undefined;
    this.#member = "other";
    this.#hasVersion = this.#isVersion2 = this.#hasId = this.#hasMethod = false;
    this.#id = this.#method = undefined;
    this.#result = this.#error = "absent";
  }

  #closeMessage(): void {
    this.#isOpen = false;
    const kind = this.#kind();
    if (kind !== undefined && this.fault === undefined) {
      this.envelopes.push({ kind, id: this.#id, method: this.#method });
    }
  }

  #kind(): Envelope["kind"] | undefined {
    if (this.#hasMethod) {
      // Responses may lack it, since real servers omit it; a request without it is for no JSON-RPC 2.0 server.
      if (!this.#isVersion2) this.#refuse('a message with a method needs "jsonrpc": "2.0"');
      return this.#hasId ? "request" : "notification";
    }
    // JSON-RPC 1.0 writes both, one of them null: the other one counts.
    if (this.#result !== "absent" && !(this.#result === "null" && this.#error === "present")) return "result";
    if (this.#error !== "absent") return "error";
    this.#refuse("the message has no method, result or error");
    return undefined;
  }

  #beginMember(first: number): number {
    const isString = first === 0x22;
    const presence = first === 0x6e ? "null" : "present";
    if (this.#member === "result") this.#result = presence;
    else if (this.#member === "error") this.#error = presence;
    else if (this.#member === "id") return this.#beginId(first);
    else if (this.#member === "jsonrpc") return isString ? versionKeptBytes : 0;
    else if (this.#member === "method") {
      if (!isString) this.#refuse("the method is not a string");
      return isString ? methodKeptBytes : 0;
    }
    return 0;
  }

  #beginId(first: number): number {
    if (first === 0x22 || first === 0x2d || first === 0x6e || (first >= 0x30 && first <= 0x39)) return idMaxBytes;
    this.#refuse("the id is not a string, a number or null");
    return 0;
  }

  /** Of two members with one name each parser takes another: such a message could be routed one way here and run another way there. */
  #once(isSeen: boolean, member: Member): true {
    if (isSeen) this.#refuse(`the member "${member}" stands twice`);
    return true;
  }

  #refuse(reason: string): void {
    this.fault ??= this.isBatch ? `message ${this.#count} of the batch: ${reason}` : reason;
  }
}

/**
 * Reads one body in as many chunks as it comes in. Validity is JSON.parse's own for bodies up to 1 MiB; beyond that, control characters
 * and escapes more than 64 KiB inside one string may go unnoticed, because such strings are skipped by native search.
 */
export class EnvelopeScanner {
  readonly #collector = new EnvelopeCollector();
  readonly #reader = new JsonReader(this.#collector);

  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
  }

  /** The verdict on what was pushed. Call `reset` before the next body. */
  end(): Scanned {
    const failure = this.#reader.end();
    if (failure !== undefined) return { shape: "not-json", reason: failure };
    const { fault, isBatch, envelopes } = this.#collector;
    if (fault !== undefined) return { shape: "not-json-rpc", reason: fault };
    const first = envelopes[0];
    if (first === undefined) return { shape: "not-json-rpc", reason: "the batch is empty" };
    return isBatch ? { shape: "batch", envelopes } : { shape: "single", envelope: first };
  }

  /** Why what was pushed can be no JSON, whatever follows; undefined while it still can. */
  get failure(): string | undefined {
    return this.#reader.failure;
  }

  /** What the first message has shown of itself so far; a message that has told nothing yet counts as a request. */
  peek(): Envelope {
    return this.#collector.peek();
  }

  reset(): void {
    this.#reader.reset();
    this.#collector.reset();
  }
}

const wholeBodies = new EnvelopeScanner();

export function scanEnvelope(bytes: Uint8Array): Scanned {
  wholeBodies.reset();
  wholeBodies.push(bytes);
  return wholeBodies.end();
}

function memberOf(bytes: Uint8Array, from: number, to: number): Member {
  for (const [member, text] of written) if (isText(bytes, from, to, text)) return member;
  if (to - from > keyMaxBytes || !isEscaped(bytes, from, to)) return "other";
  return members.get(unescaped(textOf(bytes, from + 1, to - 1))) ?? "other";
}

function isVersion2(bytes: Uint8Array, from: number, to: number): boolean {
  if (isText(bytes, from, to, version2)) return true;
  return to - from <= versionKeptBytes && unescaped(textOf(bytes, from + 1, to - 1)) === "2.0";
}

function isText(bytes: Uint8Array, from: number, to: number, text: Uint8Array): boolean {
  if (to - from !== text.length) return false;
  for (let at = 0; at < text.length; at++) if (bytes[from + at] !== text[at]) return false;
  return true;
}

function isEscaped(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] === 0x5c) return true;
  return false;
}

/** Most calls are of the same method as the one before. */
let lastMethodText = new Uint8Array();
let lastMethod = "";

function methodOf(bytes: Uint8Array, from: number, to: number): string {
  if (isText(bytes, from, to, lastMethodText)) return lastMethod;
  const method = readMethod(bytes, from, to);
  if (to - from <= rememberedBytes) {
    lastMethodText = Uint8Array.from(bytes.subarray(from, to));
    lastMethod = method;
  }
  return method;
}

function readMethod(bytes: Uint8Array, from: number, to: number): string {
  if (to - from <= methodKeptBytes) return unescaped(textOf(bytes, from + 1, to - 1)).slice(0, methodMaxCharacters);
  // A cut may have split an escape: what JSON cannot read of the tail lies behind the limit anyway.
  const text = textOf(bytes, from + 1, from + methodKeptBytes);
  const tail = /(?:^|[^\\])(?:\\\\)*(\\(?:u[0-9a-fA-F]{0,3})?)$/.exec(text)?.[1] ?? "";
  return unescaped(text.slice(0, text.length - tail.length)).slice(0, methodMaxCharacters);
}

function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  const value: unknown = JSON.parse(`"${text}"`);
  return typeof value === "string" ? value : text;
}

/** UTF-8 to a string; short ASCII, which ids and methods are, without the cost of a native call. */
function textOf(bytes: Uint8Array, from: number, to: number): string {
  if (to - from <= 24) {
    let text = "";
    let at = from;
    for (; at < to; at++) {
      const byte = bytes[at]!;
      if (byte >= 0x80) break;
      text += String.fromCharCode(byte);
    }
    if (at === to) return text;
  }
  return Buffer.prototype.toString.call(bytes, "utf8", from, to);
}
