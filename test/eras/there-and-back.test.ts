// What is translated into the other era and back is the same bytes again, whatever it holds.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  answerToLegacy,
  answerToModern,
  askToLegacy,
  askToModern,
  decodeHeaderValue,
  encodeHeaderValue,
  notificationToLegacy,
  notificationToModern,
  readAsks,
  requestToLegacy,
  requestToModern,
  resultToLegacy,
  resultToModern,
} from "../../src/data-plane/bridge/index.ts";
import { legacyClient } from "./rows.ts";

/** Texts of numbers that JSON.parse and JSON.stringify would not give back. */
const digits = fc.constantFrom("9007199254740993", "1.10", "12345678901234567890", "1e400", "-0.0", "0.1e-7");
const payload: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    digits,
    fc.string().map((text) => JSON.stringify(text)),
    fc.constantFrom("null", "true", "{}", "[ ]"),
    fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(" , ")}]`),
    fc
      .array(fc.tuple(fc.string({ minLength: 1 }), tie("value")), { maxLength: 4 })
      .map((members) => `{ ${members.map(([key, value]) => `${JSON.stringify(`x${key}`)} : ${value}`).join(",\n")} }`),
  ),
})).value;

describe("there and back", () => {
  it("a legacy request is the same bytes", () => {
    fc.assert(
      fc.property(payload, payload, (args, extra) => {
        const request = `{"jsonrpc":"2.0","id":1.0,"method":"tools/call","params":{"name":"t","arguments":${args},"_meta":{"v":${extra}}}, "own":${extra}}`;
        assert.equal(requestToLegacy(requestToModern(request, legacyClient, { logLevel: "info" })), request);
      }),
    );
  });

  it("a legacy result is the same bytes, but for an added type and hints", () => {
    fc.assert(
      fc.property(payload, fc.constantFrom("tools/call", "prompts/list", "acme/x"), (value, method) => {
        const result = `{ "content" : [ ${value} ] , "x" : ${value} }`;
        const modern = resultToModern(result, method, '{"name":"s"}');
        assert.deepEqual(resultToLegacy(modern, method), { kind: "complete", result });
      }),
    );
  });

  it("an ask and its answer are the same bytes", () => {
    fc.assert(
      fc.property(payload, (value) => {
        const params = `{"messages":[${value}],"x":${value}}`;
        const [ask] = readAsks(`{"k":${askToModern("sampling/createMessage", params)}}`);
        assert.ok(ask !== undefined);
        const asked = askToLegacy(ask, "7", legacyClient, "e");
        assert.deepEqual(asked, {
          kind: "request",
          message: `{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":${params}}`,
        });
        const answer = `{"content":${value}}`;
        assert.deepEqual(answerToModern(ask, answerToLegacy("7", answer)), { kind: "response", response: answer });
      }),
    );
  });

  it("a notification is the same bytes", () => {
    fc.assert(
      fc.property(payload, (value) => {
        const notification = `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x:y","v":${value}}}`;
        assert.equal(notificationToLegacy(notificationToModern(notification, '"s"')), notification);
      }),
    );
  });

  it("a header's value is the same text, and can stand in a header", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        fc.pre(text.isWellFormed());
        const header = encodeHeaderValue(text);
        assert.match(header, /^[\x20-\x7e\t]*$/);
        assert.equal(decodeHeaderValue(header), text);
      }),
    );
  });
});
