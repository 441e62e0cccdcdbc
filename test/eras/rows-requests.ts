// The rows of the era table about a client's requests, each as a check of the pure function that translates it.
import assert from "node:assert/strict";
import {
  errorToLegacy,
  errorToModern,
  needsWrapping,
  requestToLegacy,
  requestToModern,
  resultToLegacy,
  resultToModern,
  splitBatch,
  statusOf,
  toolsOf,
} from "../../src/data-plane/bridge/index.ts";
import { envelope, legacyClient, modernMeta, type Rows } from "./rows.ts";

const complete = (result: string) => ({ kind: "complete", result });

const modernPage =
  '{"resultType":"complete","ttlMs":5000,"cacheScope":"public","tools":[{"name":"b","inputSchema":{"type":"object","properties":{"n":{"type":"number","x-mcp-header":"N"}}},"outputSchema":{"type":"array","items":{"$ref":"#/$defs/D"},"$defs":{"D":{"multipleOf":1.10}}}},{"name":"a","inputSchema":{"type":"object"},"x":12345678901234567890}],"nextCursor":"c2"}';

export const requestRows: Rows = {
  "tools/list, prompts/list, resources/list, resources/templates/list": {
    LM: () => {
      assert.equal(
        requestToModern('{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"cursor":"c1"}}', legacyClient),
        `{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"cursor":"c1","_meta":{${envelope}}}}`,
      );
      const page =
        '{"tools":[{"name":"b","inputSchema":{"type":"object","properties":{"n":{"type":"number","x-mcp-header":"N"}}},"outputSchema":{"$defs":{"D":{"multipleOf":1.10}},"type":"object","properties":{"result":{"type":"array","items":{"$ref":"#/$defs/D"}}},"required":["result"]}},{"name":"a","inputSchema":{"type":"object"},"x":12345678901234567890}],"nextCursor":"c2"}';
      assert.deepEqual(resultToLegacy(modernPage, "tools/list"), complete(page));
      assert.deepEqual(toolsOf(modernPage).map(needsWrapping), [true, false]);
      for (const method of ["prompts/list", "resources/list", "resources/templates/list"]) {
        assert.deepEqual(
          resultToLegacy('{"resultType":"complete","ttlMs":0,"cacheScope":"private","items":[1.10]}', method),
          complete('{"items":[1.10]}'),
        );
      }
    },
    ML: () => {
      assert.equal(
        requestToLegacy(
          `{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"cursor":"c1","_meta":${modernMeta}}}`,
        ),
        '{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"cursor":"c1"}}',
      );
      assert.equal(
        resultToModern(
          '{"tools":[{"name":"a","execution":{"taskSupport":"optional"},"n":1.0}]}',
          "tools/list",
          undefined,
        ),
        '{"tools":[{"name":"a","n":1.0}],"resultType":"complete","ttlMs":0,"cacheScope":"private"}',
      );
    },
  },
  "tools/call": {
    LM: () => {
      const call =
        '{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t","arguments":{"n":9007199254740993,"d":1.10,"n":2}}}';
      assert.equal(
        requestToModern(call, legacyClient, { id: '"h2"' }),
        `{"jsonrpc":"2.0","id":"h2","method":"tools/call","params":{"name":"t","arguments":{"n":9007199254740993,"d":1.10,"n":2},"_meta":{${envelope}}}}`,
      );
      assert.deepEqual(
        resultToLegacy(
          '{"resultType":"complete","content":[],"structuredContent":[1.10,9007199254740993]}',
          "tools/call",
        ),
        complete(
          '{"content":[{"type":"text","text":"[1.10,9007199254740993]"}],"structuredContent":{"result":[1.10,9007199254740993]}}',
        ),
      );
      assert.deepEqual(
        resultToLegacy('{"content":[{"type":"hologram","x":1e400}],"structuredContent":{"a":1}}', "tools/call", true),
        complete('{"content":[{"type":"hologram","x":1e400}],"structuredContent":{"result":{"a":1}}}'),
      );
      const plain = '{ "content" : [ ] , "structuredContent" : {"a":1.0} }';
      assert.deepEqual(resultToLegacy(plain, "tools/call"), complete(plain));
    },
    ML: () => {
      const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":1,"v":1.10,${modernMeta.slice(1)},"name":"t","arguments":{"big":12345678901234567890}}}`;
      assert.equal(
        requestToLegacy(call, { id: '"u1"', progressToken: '"p9"' }),
        '{"jsonrpc":"2.0","id":"u1","method":"tools/call","params":{"_meta":{"progressToken":"p9","v":1.10},"name":"t","arguments":{"big":12345678901234567890}}}',
      );
    },
  },
  "resources/read, prompts/get, completion/complete": {
    LM: () => {
      assert.equal(
        errorToLegacy('{"code":-32602,"message":"Resource not found","data":{"uri":"x:y"}}', "resources/read"),
        '{"code":-32002,"message":"Resource not found","data":{"uri":"x:y","upstream":{"code":-32602}}}',
      );
      const other = '{"code":-32602,"message":"m"}';
      assert.equal(errorToLegacy(other, "prompts/get"), other);
    },
    ML: () => {
      assert.equal(
        resultToModern('{"contents":[{"uri":"x:y","text":"t"}]}', "resources/read", '{"name":"s"}'),
        '{"contents":[{"uri":"x:y","text":"t"}],"resultType":"complete","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}}}',
      );
      assert.equal(
        resultToModern('{"messages":[]}', "prompts/get", undefined),
        '{"messages":[],"resultType":"complete"}',
      );
      assert.deepEqual(errorToModern('{"code":-32002,"message":"gone"}'), {
        status: 200,
        error: '{"code":-32602,"message":"gone","data":{"upstream":{"code":-32002}}}',
        asksForUrl: false,
      });
    },
  },
  "unknown / vendor methods": {
    LM: () => {
      assert.equal(
        requestToModern('{"jsonrpc":"2.0","id":1,"method":"acme/do","params":{"a":1.10}}', legacyClient),
        `{"jsonrpc":"2.0","id":1,"method":"acme/do","params":{"a":1.10,"_meta":{${envelope}}}}`,
      );
      // The hints of lists mean something else, or nothing, in a vendor's result.
      assert.deepEqual(resultToLegacy('{"ttlMs":1,"x":1}', "acme/do"), complete('{"ttlMs":1,"x":1}'));
    },
    ML: () => {
      assert.equal(resultToModern('{"x":1}', "acme/do", undefined), '{"x":1,"resultType":"complete"}');
      assert.equal(resultToModern('{"resultType":"own"}', "acme/do", undefined), '{"resultType":"own"}');
      assert.equal(statusOf(-32601), 404);
    },
  },
  "batch arrays (2025-03-26)": {
    LM: () => {
      assert.deepEqual(splitBatch('[ {"id":1.0, "a":[1,2]} ,{"id":"]"}]'), ['{"id":1.0, "a":[1,2]}', '{"id":"]"}']);
    },
    ML: () => assert.deepEqual(splitBatch('[{"id":1}]'), ['{"id":1}']),
  },
};
