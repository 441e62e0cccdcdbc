import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ToolSchemas } from "./tool-schemas.ts";

const page = '{"tools":[{"name":"a","inputSchema":{"type":"object"}}]}';

describe("what is known of a server's tools", () => {
  it("is there for everybody who asks while the list is read, which is read once", async () => {
    const schemas = new ToolSchemas();
    const listed = Promise.withResolvers<string | undefined>();
    let reads = 0;
    const readPage = (): Promise<string | undefined> => {
      reads += 1;
      return listed.promise;
    };
    const found = [1, 2].map(async () => {
      await schemas.complete(readPage);
      return schemas.get("a");
    });
    listed.resolve(page);
    for (const schema of await Promise.all(found)) assert.notEqual(schema, undefined);
    assert.equal(reads, 1);
  });

  it("is read again after a list that was not to be had, and after a change", async () => {
    const schemas = new ToolSchemas();
    let reads = 0;
    const answers = [undefined, page, page];
    const readPage = (): Promise<string | undefined> => Promise.resolve(answers[reads++]);
    await schemas.complete(readPage);
    await schemas.complete(readPage);
    await schemas.complete(readPage);
    schemas.changed();
    await schemas.complete(readPage);
    assert.equal(reads, 3);
  });
});
