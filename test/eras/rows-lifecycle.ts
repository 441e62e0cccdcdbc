// The rows of the era table about opening a session and what each side can do, each as a check of the pure function that translates it.
import assert from "node:assert/strict";
import {
  clientCapabilitiesToLegacy,
  clientCapabilitiesToModern,
  discoverToInitialize,
  errorToLegacy,
  headersToModern,
  initializeToDiscover,
  isLegacyOnly,
  legacyLocalAnswer,
  readInitialize,
  readRequestMeta,
  revisionFor,
  serverCapabilitiesToLegacy,
  serverCapabilitiesToModern,
  statusOf,
  writeInitialize,
} from "../../src/data-plane/bridge/index.ts";
import { json, modernMeta, type Rows } from "./rows.ts";

const initialize = json({
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-06-18",
    capabilities: { sampling: {}, roots: { listChanged: true } },
    clientInfo: { name: "c", version: "1", "x-vendor": 1 },
  },
});

const discovered =
  '{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"logging":{},"x":1.10},"instructions":"i","ttlMs":60000,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1.10"},"vendor":9007199254740993}}';

const initialized =
  '{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"tasks":{"list":{}}},"serverInfo":{"name":"s","version":"1"},"instructions":"i"}';

export const lifecycleRows: Rows = {
  initialize: {
    LM: () => {
      assert.deepEqual(readInitialize(initialize), {
        info: '{"name":"c","version":"1","x-vendor":1}',
        capabilities: '{"sampling":{},"roots":{"listChanged":true}}',
        revision: "2025-06-18",
      });
      assert.equal(
        discoverToInitialize(discovered, "2025-06-18"),
        '{"capabilities":{"tools":{"listChanged":true},"logging":{},"x":1.10},"instructions":"i","_meta":{"vendor":9007199254740993},"protocolVersion":"2025-06-18","serverInfo":{"name":"s","version":"1.10"}}',
      );
      assert.equal(revisionFor("2024-11-05"), "2024-11-05");
      assert.equal(revisionFor("1999-01-01"), "2025-11-25");
      assert.equal(revisionFor("2026-07-28"), "2025-11-25");
    },
    ML: () => {
      const client = readRequestMeta(`{"params":{"_meta":${modernMeta}}}`);
      assert.equal(
        writeInitialize(client, '"h1"'),
        '{"jsonrpc":"2.0","id":"h1","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{"form":{}}},"clientInfo":{"name":"m","version":"2.0"}}}',
      );
    },
  },
  "notifications/initialized": {
    LM: () => assert.equal(legacyLocalAnswer("notifications/initialized"), "swallow"),
  },
  "server/discover": {
    LM: () => assert.equal(legacyLocalAnswer("server/discover"), undefined),
    ML: () => {
      assert.equal(
        initializeToDiscover(initialized, false),
        '{"capabilities":{"tools":{"listChanged":false},"resources":{"subscribe":false}},"instructions":"i","supportedVersions":["2026-07-28","2024-11-05","2025-03-26","2025-06-18","2025-11-25"],"resultType":"complete","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}}}',
      );
    },
  },
  "capabilities (client)": {
    LM: () => {
      assert.equal(
        clientCapabilitiesToModern('{"tasks":{"list":{}},"roots":{"listChanged":true},"elicitation":{},"x":1.10}'),
        '{"roots":{},"elicitation":{"form":{}},"x":1.10}',
      );
      const both = '{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{}}}';
      assert.equal(clientCapabilitiesToModern(both), both);
    },
    ML: () => {
      assert.equal(
        clientCapabilitiesToLegacy(
          '{"roots":{"listChanged":true},"extensions":{"io.modelcontextprotocol/tasks":{},"io.modelcontextprotocol/ui":{"a":1}}}',
        ),
        '{"roots":{},"extensions":{"io.modelcontextprotocol/ui":{"a":1}}}',
      );
    },
  },
  "capabilities (server)": {
    LM: () => {
      assert.equal(
        serverCapabilitiesToLegacy(
          '{"resources":{"subscribe":true,"listChanged":true},"logging":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}',
        ),
        '{"resources":{"subscribe":true,"listChanged":true},"logging":{}}',
      );
      const ui = '{ "extensions" : {"io.modelcontextprotocol/ui":{"mimeTypes":["text/html"]}} }';
      assert.equal(serverCapabilitiesToLegacy(ui), ui);
    },
    ML: () => {
      assert.equal(
        serverCapabilitiesToModern('{"tasks":{},"tools":{"listChanged":true}}', true),
        '{"tools":{"listChanged":true}}',
      );
    },
  },
  ping: {
    LM: () => assert.equal(legacyLocalAnswer("ping"), "empty-result"),
    ML: () => {
      assert.ok(isLegacyOnly("ping"));
      assert.equal(statusOf(-32601), 404);
    },
  },
  "Mcp-Session-Id": {
    LM: () => {
      const call = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
      const headers = [
        "Mcp-Session-Id",
        "v1",
        "Last-Event-ID",
        "7",
        "mcp-protocol-version",
        "2025-06-18",
        "X-Own",
        "1",
      ];
      assert.deepEqual(headersToModern([...headers, "authorization", "Bearer t"], call), [
        "accept",
        "application/json, text/event-stream",
        "content-type",
        "application/json",
        "X-Own",
        "1",
        "authorization",
        "Bearer t",
        "mcp-protocol-version",
        "2026-07-28",
        "mcp-method",
        "tools/list",
      ]);
    },
  },
  DELETE: {
    // A DELETE has no message, so nothing of it can reach a modern server: there is no local answer to it, and no request.
    LM: () => assert.equal(legacyLocalAnswer("DELETE"), undefined),
  },
  "session loss (404, or 400 -32000)": {
    LM: () => {
      // Neither code nor text of an error makes it one of the session.
      const error = '{"code":-32601,"message":"Session not found"}';
      assert.equal(errorToLegacy(error, "tools/call"), error);
    },
    ML: () => assert.equal(statusOf(-32001), 200),
  },
};
