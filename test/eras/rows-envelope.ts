// The rows of the era table about `_meta`, headers, results, errors and wires, each as a check of the pure function that translates it.
import assert from "node:assert/strict";
import {
  decodeHeaderValue,
  encodeHeaderValue,
  errorResponse,
  errorToLegacy,
  errorToModern,
  headerMismatch,
  isBridgeFault,
  modernHeaders,
  paramHeadersOf,
  readInitialize,
  requestToLegacy,
  requestToModern,
  resultResponse,
  resultToLegacy,
  resultToModern,
  revisionFor,
  statusOf,
  writeInitialize,
} from "../../src/data-plane/bridge/index.ts";
import { envelope, legacyClient, modernMeta, type Rows } from "./rows.ts";

const schema =
  '{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"page":{"type":"object","properties":{"size":{"type":"integer","x-mcp-header":"Size"}}},"dry":{"type":"boolean","x-mcp-header":"Dry"},"ratio":{"type":"number","x-mcp-header":"Ratio"},"bad":{"type":"string","x-mcp-header":"a b"},"list":{"type":"array","items":{"type":"string","x-mcp-header":"Item"}}}}';
const call =
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"größe","arguments":{"region":" x","page":{"size":9007199254740993},"dry":false,"ratio":1.10,"bad":"b"}}}';
const sent = {
  "mcp-protocol-version": "2026-07-28",
  "mcp-method": "tools/call",
  "mcp-name": encodeHeaderValue("größe"),
  "mcp-param-region": encodeHeaderValue(" x"),
  "mcp-param-size": "9007199254740993",
  "mcp-param-dry": "false",
};

const paired = (flat: readonly string[]) =>
  Object.fromEntries(flat.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), flat[index + 1]]] : [])));

export const envelopeRows: Rows = {
  "_meta request keys": {
    LM: () => {
      const own =
        '{"id":1,"method":"x","params":{"_meta":{"traceparent":"00-1","io.modelcontextprotocol/clientInfo":{"name":"liar"},"progressToken":1.0}}}';
      const [version, ...others] = envelope.split(',"io.modelcontextprotocol/clientCapabilities":');
      const info = '"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"}';
      assert.equal(
        requestToModern(own, legacyClient),
        `{"id":1,"method":"x","params":{"_meta":{"traceparent":"00-1",${info},"progressToken":1.0,${version?.replace(`,${info}`, "")},"io.modelcontextprotocol/clientCapabilities":${others.join()}}}}`,
      );
    },
    ML: () => {
      const meta = `{"traceparent":"00-1",${modernMeta.slice(1, -1)},"io.modelcontextprotocol/logLevel":"info","vendor/x":[1.10]}`;
      assert.equal(
        requestToLegacy(`{"id":1,"params":{"_meta":${meta}}}`),
        '{"id":1,"params":{"_meta":{"traceparent":"00-1","vendor/x":[1.10]}}}',
      );
      assert.equal(requestToLegacy(`{"id":1,"params":{"_meta":${modernMeta},"a":1}}`), '{"id":1,"params":{"a":1}}');
    },
  },
  "_meta result keys": {
    LM: () => {
      const result =
        '{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"},"v":1.10,"io.modelcontextprotocol/subscriptionId":1}}';
      assert.deepEqual(resultToLegacy(result, "x"), { kind: "complete", result: '{"_meta":{"v":1.10}}' });
    },
    ML: () => {
      assert.equal(
        resultToModern(
          '{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"own"},"io.modelcontextprotocol/related-task":{"taskId":"k"}}}',
          "x",
          '{"name":"s"}',
        ),
        '{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"own"}},"resultType":"complete"}',
      );
    },
  },
  "MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Param-*": {
    LM: () => {
      assert.deepEqual(paired(modernHeaders(call, paramHeadersOf(schema))), sent);
      assert.equal(sent["mcp-name"], "=?base64?Z3LDtsOfZQ==?=");
      assert.equal(encodeHeaderValue("=?base64?YQ==?="), "=?base64?PT9iYXNlNjQ/WVE9PT89?=");
      const twice =
        '{"properties":{"a":{"type":"string","x-mcp-header":"K"},"b":{"type":"string","x-mcp-header":"k"}}}';
      assert.deepEqual(paramHeadersOf(twice), []);
      const bare = '{"method":"tools/call","params":{"name":"t","arguments":{"region":null}}}';
      assert.deepEqual(Object.keys(paired(modernHeaders(bare, paramHeadersOf(schema)))).length, 3);
    },
    ML: () => {
      const params = paramHeadersOf(schema).filter(({ type }) => type !== "number");
      assert.equal(headerMismatch(sent, call, "2026-07-28", params), undefined);
      assert.match(headerMismatch({ ...sent, "mcp-name": "x" }, call, "2026-07-28") ?? "", /mcp-name.*do not agree/);
      assert.match(
        headerMismatch({ ...sent, "mcp-param-dry": "true" }, call, "2026-07-28", params) ?? "",
        /mcp-param-dry/,
      );
      assert.match(headerMismatch({}, call, "2026-07-28") ?? "", /mcp-protocol-version is missing/);
      assert.match(headerMismatch({ ...sent, "mcp-name": "=?base64?!?=" }, call, "2026-07-28") ?? "", /Base64/);
      assert.equal(decodeHeaderValue("=?base64?/w==?="), undefined);
    },
  },
  resultType: {
    LM: () => {
      assert.deepEqual(resultToLegacy('{"resultType":"complete","a":1}', "x"), { kind: "complete", result: '{"a":1}' });
      assert.deepEqual(resultToLegacy('{"a":1}', "x"), { kind: "complete", result: '{"a":1}' });
      assert.deepEqual(resultToLegacy('{"resultType":"later"}', "x"), { kind: "unknown", resultType: "later" });
    },
    ML: () => assert.equal(resultToModern("{}", "x", undefined), '{"resultType":"complete"}'),
  },
  "ttlMs, cacheScope": {
    LM: () => {
      const result = '{"ttlMs":60000,"cacheScope":"public","contents":[]}';
      assert.deepEqual(resultToLegacy(result, "resources/read"), { kind: "complete", result: '{"contents":[]}' });
    },
    ML: () => {
      assert.equal(
        resultToModern('{"ttlMs":9,"tools":[]}', "tools/list", undefined),
        '{"ttlMs":0,"tools":[],"resultType":"complete","cacheScope":"private"}',
      );
    },
  },
  errors: {
    LM: () => {
      for (const code of [-32020, -32021, -32022]) {
        const error = `{"code":${code},"message":"m","data":{"n":1.10}}`;
        assert.ok(isBridgeFault(error));
        assert.equal(
          errorToLegacy(error, "tools/call"),
          `{"code":-32603,"message":"m","data":{"n":1.10,"upstream":{"code":${code}}}}`,
        );
      }
      const own = '{"code":-32077,"message":"m","data":1.10}';
      assert.equal(errorToLegacy(own, "tools/call"), own);
      assert.equal(errorResponse('"a"', own), `{"jsonrpc":"2.0","id":"a","error":${own}}`);
    },
    ML: () => {
      const unknown = '{"code":-32601,"message":"m"}';
      assert.deepEqual(errorToModern(unknown), { status: 404, error: unknown, asksForUrl: false });
      assert.equal(errorToModern('{"code":-32042,"message":"m"}').asksForUrl, true);
      assert.deepEqual(
        errorToModern('{"code":-32002,"message":"m","data":[1.10]}').error,
        '{"code":-32602,"message":"m","data":{"upstream":{"code":-32002,"data":[1.10]}}}',
      );
      assert.equal(errorToModern('{"code":7,"message":"m"}').status, 200);
      assert.equal(resultResponse("1.0", "{}"), '{"jsonrpc":"2.0","id":1.0,"result":{}}');
    },
  },
  "HTTP+SSE 2024-11-05 upstream": {
    ML: () => {
      const client = { ...legacyClient, revision: "2026-07-28" };
      assert.equal(readInitialize(writeInitialize(client, "1", "2024-11-05")).revision, "2024-11-05");
    },
  },
  "HTTP+SSE 2024-11-05 client": { LM: () => assert.equal(revisionFor("2024-11-05"), "2024-11-05") },
  "stdio upstream legacy": {
    ML: () => {
      // Over a pipe an id is all that tells one caller's answer from another's, so it is the only thing that changes.
      assert.equal(requestToLegacy('{"id":1,"method":"x"}', { id: '"u1"' }), '{"id":"u1","method":"x"}');
    },
  },
  "stdio upstream modern": {
    LM: () => assert.ok(requestToModern('{"id":1,"method":"x"}', legacyClient).includes(envelope)),
    ML: () => assert.deepEqual([-32601, -32020, -32021, -32022, -32603].map(statusOf), [404, 400, 400, 400, 200]),
  },
  WebSocket: {
    LM: () => assert.ok(!requestToModern('{"id":1,"method":"x"}', legacyClient).includes("\n")),
    ML: () => assert.ok(!requestToLegacy(`{"id":1,"params":{"_meta":${modernMeta}}}`).includes("\n")),
  },
};
