// The OpenAPI document: complete, and without what no schema can say.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openApiDocument } from "./index.ts";
import { type Route, routes } from "./routes.ts";

describe("the OpenAPI document", () => {
  const document = JSON.parse(JSON.stringify(openApiDocument("1.2.3"))) as {
    readonly info: { readonly version: string };
    readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
  };

  it("describes every route once, by its name", () => {
    const described = Object.values(document.paths).flatMap((path) => Object.values(path).map((o) => o.operationId));
    assert.deepEqual(described.toSorted(), Object.keys(routes).toSorted());
  });

  it("says in each route that changes something whom it lets in", () => {
    const open = Object.entries<Route>(routes)
      .filter(([, route]) => route.access === "open")
      .map(([name]) => name);
    assert.deepEqual(open, ["login", "logout", "openapi"]);
  });

  it("carries the program's version", () => {
    assert.equal(document.info.version, "1.2.3");
  });
});
