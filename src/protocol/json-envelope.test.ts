// Proves the envelope reader against JSON.parse: same verdict on validity, same id text, same method, however the body is cut.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { EnvelopeScanner, scanEnvelope } from "./json-envelope.ts";
import type { Envelope, Scanned } from "./message.ts";

function scan(text: string): Scanned {
  return scanEnvelope(Buffer.from(text));
}

function scanInPieces(bytes: Uint8Array, size: number): Scanned {
  const scanner = new EnvelopeScanner();
  for (let at = 0; at < bytes.length; at += size) scanner.push(bytes.subarray(at, at + size));
  return scanner.end();
}

function single(scanned: Scanned): Envelope {
  assert.equal(scanned.shape, "single", JSON.stringify(scanned));
  assert.ok(scanned.shape === "single");
  return scanned.envelope;
}

const request = (id: string): string => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`;

/** What the scanner must say, by JSON.parse and a tokenizer that is right for valid JSON only. */
function expected(bytes: Buffer): Pick<Scanned, "shape"> | Scanned {
  const text = bytes.toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { shape: "not-json" };
  }
  const messages = Array.isArray(value) ? value : [value];
  const envelopes = outerMembers(text, Array.isArray(value) ? 2 : 1).map(expectedEnvelope);
  const isOdd =
    messages.length === 0 || messages.some((one) => typeof one !== "object" || one === null || Array.isArray(one));
  const known = envelopes.filter((one) => one !== undefined);
  const [first] = known;
  if (isOdd || known.length !== envelopes.length || first === undefined) return { shape: "not-json-rpc" };
  return Array.isArray(value) ? { shape: "batch", envelopes: known } : { shape: "single", envelope: first };
}

type Members = (readonly [name: string, text: string])[];

/** The members of each object at this depth, with the text of values that are scalars and the first byte of others. */
function outerMembers(text: string, depth: number): Members[] {
  const objects: Members[] = [];
  const open: string[] = [];
  let key: string | undefined;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs)) {
    const isMember = open.length === depth && open.at(-1) === "{";
    if (isMember && token !== "," && token !== ":" && token !== "}") {
      if (key === undefined) key = String(JSON.parse(token));
      else {
        objects.at(-1)?.push([key, token]);
        key = undefined;
      }
    }
    if (token === "{" || token === "[") open.push(token);
    if (token === "{" && open.length === depth) objects.push([]);
    if (token === "}" || token === "]") open.pop();
  }
  return objects;
}

function expectedEnvelope(members: Members): Envelope | undefined {
  const named = (name: string): string[] => members.filter(([key]) => key === name).map(([, text]) => text);
  const [ids, methods, versions] = [named("id"), named("method"), named("jsonrpc")];
  if (ids.length > 1 || methods.length > 1 || versions.length > 1) return undefined;
  const [id] = ids;
  if (id !== undefined && !/^(?:["\-0-9]|null)/.test(id)) return undefined;
  if (methods[0] !== undefined) {
    const isVersion2 = versions[0]?.startsWith('"') === true && JSON.parse(versions[0]) === "2.0";
    if (!methods[0].startsWith('"') || !isVersion2) return undefined;
    const method = String(JSON.parse(methods[0])).slice(0, 1024);
    return { kind: id === undefined ? "notification" : "request", id, method };
  }
  const [result, error] = [named("result").at(-1), named("error").at(-1)];
  const isError = result === undefined || (result === "null" && error !== undefined && error !== "null");
  if (result === undefined && error === undefined) return undefined;
  return { kind: isError ? "error" : "result", id, method: undefined };
}

function assertAgrees(bytes: Buffer, scanned: Scanned): void {
  const wanted = expected(bytes);
  const label = `${bytes.toString("latin1")} gave ${JSON.stringify(scanned)}`;
  if (wanted.shape === "single" || wanted.shape === "batch") assert.deepEqual(scanned, wanted, label);
  else assert.equal(scanned.shape, wanted.shape, label);
}

const space = fc.constantFrom("", "", "", " ", "\n", "\t\r\n");
const scalarText = fc.oneof(
  fc.constantFrom("0", "-0", "1.0", "1e2", "-1.5E+10", "9007199254740993", "1.10", "null", "true", "false"),
  fc.constantFrom('"1"', '""', '"\\u0061\\"\\\\"', '"\\ud83d"', '"é😀"', '"2.0"', '"tools/call"', '"a{[,:]}"'),
  fc.string({ unit: "binary", maxLength: 8 }).map((value) => JSON.stringify(value)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
);
const valueText = fc.oneof(
  { weight: 4, arbitrary: scalarText },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)) },
);
const likelyMembers = fc.constantFrom(
  ['"jsonrpc"', '"2.0"'],
  ['"\\u006asonrpc"', '"2\\u002e0"'],
  ['"method"', '"tools/list"'],
  ['"m\\u0065thod"', '"a\\/b"'],
  ['"id"', "7"],
  ['"\\u0069d"', '"x"'],
  ['"result"', "{}"],
  ['"result"', "null"],
  ['"error"', "null"],
  ['"error"', '{"code":1,"id":2}'],
  ['"params"', '{"id":{"method":[1]}}'],
  ['"__proto__"', "1"],
);
const member = fc.oneof(
  { weight: 5, arbitrary: likelyMembers },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('"id"', '"method"', '"jsonrpc"', '"error"', '"x"'), valueText) },
);
const objectText = fc
  .tuple(fc.array(member, { maxLength: 6 }), space)
  .map(
    ([members, gap]) => `{${gap}${members.map(([key, value]) => `${key}${gap}:${gap}${value}`).join(`,${gap}`)}${gap}}`,
  );
const wellFormed = fc
  .tuple(fc.constantFrom("method", "result", "error"), scalarText, fc.boolean(), fc.boolean())
  .map(([main, value, hasId, isLast]) => {
    const text = main === "method" ? JSON.stringify(value) : value;
    const all = [`"${main}":${text}`, '"jsonrpc":"2.0"', ...(hasId ? [`"id":${value}`] : []), '"params":[{"id":1}]'];
    return `{${(isLast ? all.toReversed() : all).join()}}`;
  });
const bodyText = fc.oneof(
  { weight: 4, arbitrary: objectText },
  { weight: 2, arbitrary: wellFormed },
  { weight: 2, arbitrary: fc.array(wellFormed, { maxLength: 3 }).map((all) => `[${all.join(" , ")}]`) },
  { weight: 1, arbitrary: fc.array(objectText, { maxLength: 3 }).map((all) => `[${all.join()}]`) },
  { weight: 1, arbitrary: valueText },
);

/** Bytes that hurt: structure, escapes, controls, halves of UTF-8 sequences, a byte order mark. */
const hurtful = [
  ...Buffer.from('"\\/{}[]:,0123456789-+.eEtfnu \n\x00\x1fa'),
  0x80,
  0xc3,
  0xe2,
  0xef,
  0xbb,
  0xbf,
  0xf0,
  0xff,
];

function mutate(bytes: Buffer, random: () => number): Buffer {
  const at = random() % (bytes.length + 1);
  const byte = Buffer.of(hurtful[random() % hurtful.length] ?? 0);
  const cut = random() % 3;
  if (cut === 2) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + (random() % 4))]);
  return Buffer.concat([bytes.subarray(0, at), byte, bytes.subarray(at + cut)]);
}

/** A small generator of its own: drawing every mutation through fast-check would take most of the test's time. */
function randomFrom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

describe("scanEnvelope against JSON.parse", () => {
  it("gives the same verdict, id text and method for bodies, their mutations and every way to cut them", () => {
    const seen = { single: 0, batch: 0, "not-json": 0, "not-json-rpc": 0 };
    const scanner = new EnvelopeScanner();
    const check = (bytes: Buffer, random: () => number): void => {
      const whole = scanEnvelope(bytes);
      assertAgrees(bytes, whole);
      scanner.reset();
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + (random() % 9);
        scanner.push(bytes.subarray(at, at + size));
        at += size;
      }
      assert.deepEqual(scanner.end(), whole, bytes.toString("latin1"));
      seen[whole.shape]++;
    };
    fc.assert(
      fc.property(bodyText, fc.integer(), (text, seed) => {
        const random = randomFrom(seed);
        const body = Buffer.from(text);
        check(body, random);
        for (let round = 0; round < 24; round++) {
          let mutated = mutate(body, random);
          while (random() % 3 === 0) mutated = mutate(mutated, random);
          check(mutated, random);
        }
      }),
      { numRuns: 5_000 },
    );
    const counts = Object.values(seen);
    assert.ok(
      counts.reduce((sum, count) => sum + count) >= 100_000 && Math.min(...counts) >= 3_000,
      JSON.stringify(seen),
    );
  });

  it("reads every number as JSON does", () => {
    const alphabet = ["0", "1", "-", "+", ".", "e", "E"];
    let texts = [""];
    for (let length = 0; length < 5; length++) {
      texts = texts.flatMap((text) => alphabet.map((letter) => text + letter));
      for (const text of texts) assertAgrees(Buffer.from(text), scan(text));
    }
  });
});

describe("the id of a message", () => {
  for (const id of ["9007199254740993", "1.0", "1e2", "-0", "1", '"1"', '"\\u0041"', '""', "null"]) {
    it(`keeps the text ${id}`, () => {
      assert.equal(single(scan(request(id))).id, id);
      assert.equal(single(scanInPieces(Buffer.from(request(id)), 1)).id, id);
      assert.equal(single(scan(`{"result":1,"id":${id}}`)).id, id);
    });
  }

  it("is refused if it is an object, an array or a boolean", () => {
    for (const id of ["{}", "[1]", "true", "false"]) assert.equal(scan(request(id)).shape, "not-json-rpc");
  });

  it("is refused beyond 64 KiB, whole or in pieces", () => {
    const body = (length: number): Buffer => Buffer.from(request(`"${"x".repeat(length - 2)}"`));
    assert.equal(single(scanInPieces(body(65_536), 1_000)).id?.length, 65_536);
    assert.equal(single(scan(body(65_536).toString())).id?.length, 65_536);
    assert.equal(scanInPieces(body(65_537), 1_000).shape, "not-json-rpc");
    assert.equal(scan(body(65_537).toString()).shape, "not-json-rpc");
  });
});

describe("the method of a message", () => {
  it("is cut after 1,024 characters, also within an escape", () => {
    for (const letter of ["a", "é", "\\u00e9", '\\"', "\\\\", "x\\u0041"]) {
      const whole = String(JSON.parse(`"${letter.repeat(4_000)}"`));
      const body = Buffer.from(`{"jsonrpc":"2.0","method":"${letter.repeat(4_000)}"}`);
      assert.equal(single(scanEnvelope(body)).method, whole.slice(0, 1024));
      assert.equal(single(scanInPieces(body, 7)).method, whole.slice(0, 1024));
    }
  });
});

describe("the kind of a message", () => {
  const kinds: Readonly<Record<string, string>> = {
    '{"jsonrpc":"2.0","id":1,"method":"a"}': "request",
    '{"jsonrpc":"2.0","id":null,"method":"a"}': "request",
    '{"jsonrpc":"2.0","method":"a"}': "notification",
    '{"jsonrpc":"2.0","id":1,"result":{}}': "result",
    '{"id":1,"result":{}}': "result",
    '{"jsonrpc":"1.0","result":null}': "result",
    '{"id":1,"result":{},"error":null}': "result",
    '{"id":1,"result":null,"error":{}}': "error",
    '{"jsonrpc":"2.0","error":{}}': "error",
  };
  for (const [body, kind] of Object.entries(kinds)) {
    it(`is ${kind} for ${body}`, () => assert.equal(single(scan(body)).kind, kind));
  }

  const refused = [
    '{"id":1,"method":"a"}',
    '{"jsonrpc":2.0,"id":1,"method":"a"}',
    '{"jsonrpc":"2.0","id":1,"method":5}',
    '{"jsonrpc":"2.0","id":1}',
    "{}",
    "[]",
    "1",
    '"a"',
    "null",
    "[1]",
    "[[]]",
    '[[{"jsonrpc":"2.0","method":"a"}]]',
    '{"jsonrpc":"2.0","id":1,"id":1,"method":"a"}',
    '{"jsonrpc":"2.0","id":1,"\\u0069d":2,"method":"a"}',
    '{"jsonrpc":"2.0","method":"a","id":1,"method":"a"}',
    '{"jsonrpc":"2.0","jsonrpc":"2.0","result":1}',
  ];
  for (const body of refused) it(`is none for ${body}`, () => assert.equal(scan(body).shape, "not-json-rpc"));

  it("takes members of inner objects for nothing", () => {
    const body = '{"params":{"id":2,"id":3,"method":"b","jsonrpc":1},"jsonrpc":"2.0","method":"a"}';
    assert.deepEqual(single(scan(body)), { kind: "notification", id: undefined, method: "a" });
  });
});

describe("a batch", () => {
  it("gives each message's envelope in order", () => {
    assert.deepEqual(scan(`[${request("1")}, {"id":"x","error":{}}]`), {
      shape: "batch",
      envelopes: [
        { kind: "request", id: "1", method: "ping" },
        { kind: "error", id: '"x"', method: undefined },
      ],
    });
  });

  it("is refused beyond 10,000 messages, and still must be JSON", () => {
    const messages = (count: number): string => `[${Array.from({ length: count }, () => request("1")).join()}]`;
    assert.equal(scan(messages(10_000)).shape, "batch");
    assert.equal(scan(messages(10_001)).shape, "not-json-rpc");
    assert.equal(scan(messages(10_001).slice(0, -1)).shape, "not-json");
  });
});

describe("odd bytes", () => {
  it("are not JSON where JSON.parse says so, with the offset in the reason", () => {
    assert.deepEqual(scan('{"a":\x01}'), { shape: "not-json", reason: "unexpected byte 0x01 at offset 5" });
    assert.deepEqual(scan(""), { shape: "not-json", reason: "the body is empty" });
    assert.equal(scan(`\ufeff${request("1")}`).shape, "not-json");
    assert.equal(scan(`${request("1")}${request("2")}`).shape, "not-json");
  });

  it("of wrong UTF-8 inside a string are let pass", () => {
    const body = Buffer.concat([Buffer.from('{"result":"'), Buffer.of(0xff, 0xc3, 0xf0, 0x9f), Buffer.from('"}')]);
    assert.equal(single(scanEnvelope(body)).kind, "result");
  });
});

describe("deep bodies", () => {
  for (const depth of [100_000, 1_000_000]) {
    it(`are read at depth ${depth}, objects and arrays mixed`, () => {
      const nested = `${'[{"a":'.repeat(depth / 2)}1${"}]".repeat(depth / 2)}`;
      const body = Buffer.from(`{"jsonrpc":"2.0","method":"deep","params":${nested},"id":1}`);
      assert.equal(single(scanInPieces(body, 65_536)).id, "1");
      const wrong = Buffer.from(body);
      wrong[wrong.lastIndexOf("}]")] = 0x5d;
      assert.equal(scanInPieces(wrong, 65_536).shape, "not-json");
    });
  }
});

describe("huge strings", () => {
  const bodyWith = (text: string): Buffer => Buffer.from(`{"result":${JSON.stringify(text)},"id":1}`);
  const texts: Readonly<Record<string, string>> = {
    plain: "lorem ipsum ".repeat(300_000),
    "of backslashes": "\\".repeat(1_500_000),
    "of quotes": '"'.repeat(1_500_000),
    "of JSON": JSON.stringify(Array.from({ length: 100_000 }, () => ({ name: "a\nb", tag: "c" }))),
    "with rare quotes": `${"x".repeat(1_000)}\\"`.repeat(3_000),
  };
  for (const [name, text] of Object.entries(texts)) {
    it(`${name} end at their own quote, however they are cut`, () => {
      const body = bodyWith(text);
      for (const size of [997, 65_536, body.length]) assert.equal(single(scanInPieces(body, size)).id, "1");
      for (const size of [997, body.length]) assert.equal(scanInPieces(body.subarray(0, -8), size).shape, "not-json");
    });
  }

  it("are read exactly in the first MiB of a body", () => {
    const body = bodyWith("x".repeat(1_000_000));
    body[999_000] = 0x0a;
    assert.equal(scanInPieces(body, 65_536).shape, "not-json");
  });

  it("beyond the first MiB are read exactly in their own first 64 KiB", () => {
    const body = Buffer.concat([
      Buffer.from('["'),
      Buffer.alloc(2_000_000, "x"),
      Buffer.from(`","${"y".repeat(100_000)}"]`),
    ]);
    const broken = Buffer.from(body);
    broken[2_000_005 + 60_000] = 0x0a;
    assert.equal(scanEnvelope(body).shape, "not-json-rpc");
    assert.equal(scanEnvelope(broken).shape, "not-json");
  });
});
