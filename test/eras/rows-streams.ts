// The rows of the era table about notifications, standing streams and tasks, each as a check of the pure function that translates it.
import assert from "node:assert/strict";
import {
  callAsTask,
  cancelledId,
  grant,
  headersToModern,
  insistsOnTask,
  isEmptyFilter,
  isListenedFor,
  isLoggedFor,
  isLogLevel,
  legacyLocalAnswer,
  listenFilterFor,
  logLevelOf,
  missedChanges,
  mostVerbose,
  notificationToLegacy,
  notificationToModern,
  progressTokenOf,
  readFilter,
  requestToModern,
  resultToLegacy,
  taskIdOf,
  withProgressToken,
  writeAcknowledged,
  writeCancelled,
  writeListen,
  writeListenEnd,
  writeTaskCancel,
  writeTaskResult,
} from "../../src/data-plane/bridge/index.ts";
import { envelope, legacyClient, type Rows } from "./rows.ts";

const capabilities = '{"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true}}';
const none = {
  toolsListChanged: false,
  promptsListChanged: false,
  resourcesListChanged: false,
  resourceSubscriptions: [],
};
const changed = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}';
const updated = '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x:y","n":1.10}}';
const logged = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"warning","data":1.10}}';

export const streamRows: Rows = {
  "subscriptions/listen <-> GET stream": {
    LM: () => {
      const filter = listenFilterFor(capabilities, ["x:y"]);
      assert.deepEqual(filter, { ...none, toolsListChanged: true, resourceSubscriptions: ["x:y"] });
      assert.equal(
        writeListen('"l1"', filter),
        '{"jsonrpc":"2.0","id":"l1","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["x:y"]}}}',
      );
      assert.ok(isEmptyFilter(listenFilterFor("{}", [])));
      assert.deepEqual(missedChanges(filter), [
        changed,
        '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x:y"}}',
      ]);
    },
    ML: () => {
      const asked = { ...none, toolsListChanged: true, promptsListChanged: true, resourceSubscriptions: ["x:y"] };
      assert.deepEqual(grant(asked, capabilities, true), { ...asked, promptsListChanged: false });
      assert.deepEqual(grant(asked, capabilities, false), none);
      assert.equal(
        writeAcknowledged("5", { ...none, toolsListChanged: true }),
        '{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":5},"notifications":{"toolsListChanged":true}}}',
      );
      assert.equal(
        writeListenEnd("5"),
        '{"jsonrpc":"2.0","id":5,"result":{"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":5}}}',
      );
      assert.equal(readFilter('{"params":{}}'), undefined);
    },
  },
  "resources/subscribe, unsubscribe": {
    LM: () => {
      assert.equal(legacyLocalAnswer("resources/subscribe"), "subscribe");
      assert.equal(legacyLocalAnswer("resources/unsubscribe"), "unsubscribe");
      const acknowledged = readFilter(writeAcknowledged('"l1"', { ...none, resourceSubscriptions: ["x:y"] }));
      assert.deepEqual(acknowledged?.resourceSubscriptions, ["x:y"]);
    },
    ML: () => {
      assert.deepEqual(grant({ ...none, resourceSubscriptions: ["a"] }, '{"resources":{}}', true), none);
    },
  },
  "notifications/*/list_changed, resources/updated": {
    LM: () => {
      const tagged = notificationToModern(updated, "5");
      assert.equal(notificationToLegacy(tagged), updated);
      const vendor =
        '{"method":"notifications/tools/list_changed","params":{"_meta":{"v":1.10,"io.modelcontextprotocol/subscriptionId":"l"}}}';
      assert.equal(
        notificationToLegacy(vendor),
        '{"method":"notifications/tools/list_changed","params":{"_meta":{"v":1.10}}}',
      );
      assert.equal(notificationToLegacy(changed), changed);
    },
    ML: () => {
      assert.ok(isListenedFor(updated, { ...none, resourceSubscriptions: ["x:y"] }));
      assert.ok(!isListenedFor(updated, { ...none, resourceSubscriptions: ["x:z"] }));
      assert.ok(isListenedFor(changed, { ...none, toolsListChanged: true }));
      assert.ok(!isListenedFor(changed, { ...none, promptsListChanged: true }));
      const prompts = changed.replace("tools", "prompts");
      assert.ok(isListenedFor(prompts, { ...none, promptsListChanged: true }));
      assert.ok(isListenedFor(changed.replace("tools", "resources"), { ...none, resourcesListChanged: true }));
      assert.ok(!isListenedFor(logged, none));
    },
  },
  "notifications/message + logging/setLevel": {
    LM: () => {
      assert.equal(legacyLocalAnswer("logging/setLevel"), "set-level");
      assert.ok(isLogLevel("warning"));
      assert.ok(!isLogLevel("loud"));
      assert.equal(
        requestToModern('{"id":1,"method":"x"}', legacyClient, { logLevel: "info" }),
        `{"id":1,"method":"x","params":{"_meta":{${envelope},"io.modelcontextprotocol/logLevel":"info"}}}`,
      );
    },
    ML: () => {
      assert.equal(logLevelOf('{"params":{"_meta":{"io.modelcontextprotocol/logLevel":"info"}}}'), "info");
      assert.equal(mostVerbose("error", "info"), "info");
      assert.equal(mostVerbose(undefined, "error"), "error");
      assert.ok(isLoggedFor(logged, "warning"));
      assert.ok(!isLoggedFor(logged, "error"));
      assert.ok(!isLoggedFor(logged, undefined));
    },
  },
  "notifications/progress": {
    LM: () => {
      const progress = '{"method":"notifications/progress","params":{"progressToken":1,"progress":0.10}}';
      assert.equal(notificationToLegacy(progress), progress);
    },
    ML: () => {
      assert.equal(progressTokenOf('{"params":{"_meta":{"progressToken":1}}}'), "1");
      assert.equal(progressTokenOf('{"params":{"_meta":{"progressToken":"1"}}}'), '"1"');
      assert.equal(
        withProgressToken('{"method":"notifications/progress","params":{"progressToken":"p9","progress":0.10}}', "1"),
        '{"method":"notifications/progress","params":{"progressToken":1,"progress":0.10}}',
      );
    },
  },
  cancellation: {
    LM: () => {
      assert.equal(legacyLocalAnswer("notifications/cancelled"), "cancel");
      assert.equal(cancelledId('{"method":"notifications/cancelled","params":{"requestId":1.0}}'), "1.0");
    },
    ML: () => {
      assert.equal(
        writeCancelled('"u1"', "gone"),
        '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"u1","reason":"gone"}}',
      );
    },
  },
  "resumability (Last-Event-ID)": {
    LM: () => assert.ok(!headersToModern(["last-event-id", "7"], '{"method":"x"}').includes("last-event-id")),
  },
  tasks: {
    LM: () => {
      assert.deepEqual(resultToLegacy('{"resultType":"task","task":{}}', "tools/call"), {
        kind: "unknown",
        resultType: "task",
      });
      for (const method of ["get", "result", "list", "cancel"])
        assert.equal(legacyLocalAnswer(`tasks/${method}`), "unknown-method");
      assert.ok(!requestToModern('{"params":{"task":{"ttl":1}}}', legacyClient).includes('"task"'));
    },
    ML: () => {
      assert.ok(insistsOnTask('{"name":"t","execution":{"taskSupport":"required"}}'));
      assert.ok(!insistsOnTask('{"name":"t","execution":{"taskSupport":"optional"}}'));
      assert.equal(callAsTask('{"params":{"name":"t"}}'), '{"params":{"name":"t","task":{}}}');
      assert.equal(taskIdOf('{"task":{"taskId":"k","status":"working"}}'), '"k"');
      assert.equal(
        writeTaskResult("1", '"k"'),
        '{"jsonrpc":"2.0","id":1,"method":"tasks/result","params":{"taskId":"k"}}',
      );
      assert.equal(
        writeTaskCancel("1", '"k"'),
        '{"jsonrpc":"2.0","id":1,"method":"tasks/cancel","params":{"taskId":"k"}}',
      );
    },
  },
};
