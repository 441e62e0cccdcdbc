// The suite's scenarios for modern clients, of which Holdfast is one when a legacy client is in front of it: what it sends to the suite's server is judged.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runClientScenario } from "./suite.ts";

const program = fileURLToPath(new URL("bridged-client.ts", import.meta.url));

/** The server's era is learned from its answer to the client's own initialize, which therefore goes out once as it came. */
const firstContact = {
  "http-standard-headers": ["ClientMcpMethodHeader_initialize"],
  "request-metadata": ["ClientSendsVersionHeader", "ClientPopulatesMeta"],
} as const;

describe("the conformance suite for modern clients, with a legacy client behind Holdfast", () => {
  for (const name of ["http-custom-headers", "sep-2322-client-request-state"]) {
    it(`passes ${name}`, async () => {
      assert.deepEqual(await runClientScenario(program, name), []);
    });
  }

  for (const [name, expected] of Object.entries(firstContact)) {
    it(`passes ${name}, but for the initialize by which the era is learned`, async () => {
      const failed = await runClientScenario(program, name);
      assert.deepEqual(failed, expected);
    });
  }
});
