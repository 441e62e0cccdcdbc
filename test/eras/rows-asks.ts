// The rows of the era table about a server that asks, each as a check of the pure function that translates it.
import assert from "node:assert/strict";
import {
  answerToLegacy,
  answerToModern,
  askToLegacy,
  askToModern,
  capabilityFor,
  inputRequired,
  legacyLocalAnswer,
  readAsks,
  readRetry,
  refusalToLegacy,
  requestToModern,
  resultToLegacy,
  urlAsksOf,
  writeResponses,
} from "../../src/data-plane/bridge/index.ts";
import { envelope, legacyClient, type Rows } from "./rows.ts";

const form = {
  key: "user_name",
  method: "elicitation/create",
  params: '{"message":"m","requestedSchema":{"type":"object","properties":{"n":{"type":"number","default":1.10}}}}',
};
const url = {
  key: "u",
  method: "elicitation/create",
  params: '{"mode":"url","message":"Sign in","url":"https://a/b"}',
};
const sample = {
  key: "s",
  method: "sampling/createMessage",
  params: '{"messages":[],"maxTokens":100,"tools":[{"name":"t"}]}',
};
const roots = { key: "r", method: "roots/list", params: undefined };
const mute = { ...legacyClient, capabilities: '{"elicitation":{}}' };
const declined = '{"jsonrpc":"2.0","id":"x","error":{"code":-1,"message":"User rejected","data":1.10}}';

const askOf = (result: string) => resultToLegacy(result, "tools/call");

export const askRows: Rows = {
  "elicitation/create form": {
    LM: () => {
      assert.deepEqual(
        askOf(
          `{"resultType":"input_required","inputRequests":{"user_name":{"method":"elicitation/create","params":${form.params}}},"requestState":"s"}`,
        ),
        { kind: "input-required", asks: [form], requestState: '"s"' },
      );
      assert.deepEqual(askToLegacy(form, '"eb:1"', legacyClient, "e1"), {
        kind: "request",
        message: `{"jsonrpc":"2.0","id":"eb:1","method":"elicitation/create","params":${form.params}}`,
      });
      const accepted = '{"action":"accept","content":{"n":1.10}}';
      assert.deepEqual(answerToModern(form, `{"jsonrpc":"2.0","id":"eb:1","result":${accepted}}`), {
        kind: "response",
        response: accepted,
      });
      assert.deepEqual(answerToModern(form, declined), { kind: "response", response: '{"action":"cancel"}' });
    },
    ML: () => {
      assert.equal(
        askToModern("elicitation/create", '{"_meta":{"progressToken":1},"task":{},"message":"m","n":1.10}'),
        '{"method":"elicitation/create","params":{"message":"m","n":1.10}}',
      );
      assert.equal(
        answerToLegacy("7", '{"action":"accept","content":{"n":1.10}}'),
        '{"jsonrpc":"2.0","id":7,"result":{"action":"accept","content":{"n":1.10}}}',
      );
    },
  },
  "elicitation/create url + -32042": {
    LM: () => {
      assert.deepEqual(askToLegacy(url, "1", legacyClient, "e1"), {
        kind: "request",
        message:
          '{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"mode":"url","message":"Sign in","url":"https://a/b","elicitationId":"e1"}}',
      });
      const told = askToLegacy(url, "1", mute, "e1");
      assert.equal(told.kind === "tell" ? told.text : told.kind, "Sign in\nhttps://a/b");
    },
    ML: () => {
      assert.equal(
        askToModern("elicitation/create", '{"mode":"url","elicitationId":"e","message":"m","url":"u"}'),
        '{"method":"elicitation/create","params":{"mode":"url","message":"m","url":"u"}}',
      );
      const error =
        '{"code":-32042,"message":"m","data":{"elicitations":[{"mode":"url","elicitationId":"e","url":"u","message":"m"}]}}';
      assert.deepEqual(
        [...urlAsksOf(error)],
        [["url_1", '{"method":"elicitation/create","params":{"mode":"url","url":"u","message":"m"}}']],
      );
      assert.equal(capabilityFor(url), '{"elicitation":{"url":{}}}');
    },
  },
  "sampling/createMessage": {
    LM: () => {
      const asked = askToLegacy(sample, "1", legacyClient, "e");
      assert.equal(
        asked.kind === "request" ? asked.message : asked.kind,
        `{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":${sample.params}}`,
      );
      assert.deepEqual(answerToModern(sample, declined), {
        kind: "ends-call",
        error: '{"code":-1,"message":"User rejected","data":1.10}',
      });
      assert.equal(askToLegacy(sample, "1", mute, "e").kind, "undeclared");
    },
    ML: () => {
      assert.equal(
        askToModern("sampling/createMessage", '{"messages":[],"task":{"ttl":1},"tools":[{"name":"t"}]}'),
        '{"method":"sampling/createMessage","params":{"messages":[],"tools":[{"name":"t"}]}}',
      );
    },
  },
  "roots/list": {
    LM: () => {
      const asked = askToLegacy(roots, "1", legacyClient, "e");
      assert.equal(
        asked.kind === "request" ? asked.message : asked.kind,
        '{"jsonrpc":"2.0","id":1,"method":"roots/list"}',
      );
      assert.equal(legacyLocalAnswer("notifications/roots/list_changed"), "swallow");
    },
    ML: () => assert.equal(askToModern("roots/list", undefined), '{"method":"roots/list"}'),
  },
  "server request on the GET stream or legacy stdio": {
    ML: () => {
      assert.equal(
        refusalToLegacy('"q"', "elicitation/create"),
        '{"jsonrpc":"2.0","id":"q","result":{"action":"cancel"}}',
      );
      assert.match(refusalToLegacy("3", "roots/list"), /"id":3,"error":\{"code":-32601/);
    },
  },
  "mrtr-park (suspend)": {
    ML: () => {
      const requests = new Map([["input_1", '{"method":"roots/list"}']]);
      assert.equal(
        inputRequired(requests, 'eb1."x"', '{"name":"s"}'),
        '{"resultType":"input_required","inputRequests":{"input_1":{"method":"roots/list"}},"requestState":"eb1.\\"x\\"","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}}}',
      );
      const retry = readRetry(
        '{"params":{"requestState":"eb1.\\"x\\"","inputResponses":{"input_1":{"roots":[1.10]}}}}',
      );
      assert.equal(retry.requestState, 'eb1."x"');
      assert.deepEqual([...retry.inputResponses], [["input_1", '{"roots":[1.10]}']]);
    },
  },
  "sequential asks inside one call": {
    LM: () => {
      const call = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t"}}';
      const inputResponses = writeResponses(
        new Map([
          ["a b", '{"action":"accept"}'],
          ["c", '{"roots":[]}'],
        ]),
      );
      assert.equal(
        requestToModern(call, legacyClient, { id: '"r2"', inputResponses, requestState: '"\\u0041"' }),
        `{"jsonrpc":"2.0","id":"r2","method":"tools/call","params":{"name":"t","_meta":{${envelope}},"inputResponses":{"a b":{"action":"accept"},"c":{"roots":[]}},"requestState":"\\u0041"}}`,
      );
      assert.deepEqual(askOf('{"resultType":"input_required","requestState":"again"}'), {
        kind: "input-required",
        asks: [],
        requestState: '"again"',
      });
      const several = readAsks('{"b":{"method":"roots/list"},"a":{"method":"x","params":{}}}');
      assert.deepEqual(
        several.map(({ key }) => key),
        ["b", "a"],
      );
    },
  },
};
