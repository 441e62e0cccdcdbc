// The file by which the command line finds a running hub.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { adminTokenFile, announceHub, findHub, withdrawHub } from "./index.ts";

function inDirectory(run: (dataDir: string) => void): void {
  const dataDir = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  try {
    run(dataDir);
  } finally {
    rmSync(dataDir, { recursive: true });
  }
}

const url = "http://127.0.0.1:4747";

describe("the file of a running hub", () => {
  it("is found by whoever knows the data directory, and readable by its owner alone", () => {
    inDirectory((dataDir) => {
      announceHub(dataDir, { url, pid: 7 });
      assert.deepEqual(findHub(dataDir), { url, pid: 7 });
      assert.deepEqual(readdirSync(dataDir), ["hub.json"]);
      assert.equal(statSync(join(dataDir, "hub.json")).mode & 0o077, 0);
      assert.notEqual(adminTokenFile, "hub.json");
    });
  });

  it("is taken away by the hub that wrote it, and by no other", () => {
    inDirectory((dataDir) => {
      announceHub(dataDir, { url, pid: 7 });
      withdrawHub(dataDir, 8);
      assert.equal(findHub(dataDir)?.pid, 7);
      withdrawHub(dataDir, 7);
      assert.equal(findHub(dataDir), undefined);
      withdrawHub(dataDir, 7);
    });
  });

  it("is as good as absent when it cannot be read", () => {
    inDirectory((dataDir) => {
      for (const text of ["", "null", "[]", '{"url":"no url","pid":1}', '{"url":"http://h/"}']) {
        writeFileSync(join(dataDir, "hub.json"), text);
        assert.equal(findHub(dataDir), undefined, text);
      }
    });
  });
});
