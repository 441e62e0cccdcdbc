// The direction of imports, held as one array, and the size of files. Reads source as text; runs none of it.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

/**
 * Who may import whom: only what stands in a line further down. Folders and files of one line never import each other, so the planes stay
 * apart. A type import counts like any other.
 */
const order: readonly (readonly string[])[] = [
  ["main.ts"],
  ["command-line.ts", "index.ts"],
  ["hub"],
  ["compose.ts"],
  ["control-plane/api", "control-plane/page", "control-plane/cli", "data-plane", "chaos"],
  ["control-plane/api/schema.ts"],
  ["control-plane/api/inspector-schema.ts"],
  ["control-plane/api/schema-parts.ts"],
  ["data-plane/ingress"],
  ["data-plane/bridge"],
  ["data-plane/relay", "data-plane/doctor"],
  ["data-plane/session"],
  ["data-plane/transport", "data-plane/recovery"],
  ["connectors", "credentials"],
  ["store"],
  ["config/servers"],
  ["config"],
  ["config/servers/export-entry.ts"],
  ["observability"],
  ["errors"],
  ["protocol"],
];

/** Pure: no package, no part of Node, and nothing of ours but these. */
const pure: Readonly<Record<string, readonly string[]>> = { "data-plane/recovery": ["errors", "protocol"] };
/** Imported by these alone, although others stand above it. */
const onlyFor: Readonly<Record<string, readonly string[]>> = {
  "data-plane/recovery": ["data-plane/relay", "data-plane/session"],
  "config/servers/export-entry.ts": ["config/servers", "control-plane/page"],
  "control-plane/api/schema.ts": ["control-plane/api", "control-plane/page", "control-plane/cli"],
};

/** Source by path below src/. */
type Files = ReadonlyMap<string, string>;

const lineLimit = 400;
const medianLimit = 120;
const importing = /\bfrom\s*"([^"]+)"|\bimport\s*\(\s*"([^"]+)"\s*\)|\bimport\s+"([^"]+)"/g;

function importsOf(source: string): readonly string[] {
  const code = source.replaceAll(/^\s*(?:\/\/|\*|\/\*).*$/gm, "");
  return [...code.matchAll(importing)].map(([, from, dynamic, bare]) => from ?? dynamic ?? bare ?? "");
}

/** The unit that a file belongs to: the longest name in the order that its path begins with. */
function unitOf(path: string): string | undefined {
  const units = order.flat().filter((unit) => path === unit || path.startsWith(`${unit}/`));
  return units.toSorted((a, b) => b.length - a.length)[0];
}

const depthOf = (unit: string): number => order.findIndex((line) => line.includes(unit));

/** Every import that breaks a rule, as a sentence. */
function faultsIn(files: Files): readonly string[] {
  return [...files].flatMap(([path, source]) => {
    const unit = unitOf(path);
    if (unit === undefined) return [`${path} stands in no line of the order`];
    return importsOf(source).flatMap((name) => faultOf(files, path, unit, name) ?? []);
  });
}

function faultOf(files: Files, path: string, unit: string, name: string): string | undefined {
  if (!name.startsWith(".")) {
    const kind = isBuiltin(name) ? "a part of Node" : "a package";
    return unit in pure ? `${path} is pure and imports ${kind}: ${name}` : undefined;
  }
  const target = posix.normalize(posix.join(posix.dirname(path), name));
  // The manifest is data, read for its version.
  if (target.startsWith("..")) return `${path} imports what lies outside src: ${name}`;
  const other = unitOf(target);
  if (other === undefined || !files.has(target)) return `${path} imports what is not there: ${name}`;
  if (other === unit) return undefined;
  if (depthOf(other) <= depthOf(unit)) return `${path} imports uphill or sideways: ${target}`;
  const isFolder = !other.endsWith(".ts");
  if (isFolder && target !== `${other}/index.ts`) return `${path} reaches past the index of ${other}: ${target}`;
  if (pure[unit]?.includes(other) === false) return `${path} is pure and imports ${other}`;
  if (onlyFor[other]?.includes(unit) === false) return `${path} imports ${other}, which is not for ${unit}`;
  return undefined;
}

const root = fileURLToPath(new URL("../src/", import.meta.url));
const read = (paths: readonly string[]): Files =>
  new Map(paths.map((path) => [path, readFileSync(posix.join(root, path), "utf8")]));
const sources = read(globSync("**/*.{ts,tsx}", { cwd: root }).filter((path) => !path.endsWith(".test.ts")));

const linesOf = (source: string): number => source.split("\n").length - 1;
const isIndex = (path: string): boolean => posix.basename(path) === "index.ts" && path !== "index.ts";

describe("the direction of imports", () => {
  it("is kept by every file of src", () => {
    assert.ok(sources.size > 50, `${sources.size} files found`);
    assert.deepEqual(faultsIn(sources), []);
  });

  it("has one index in each folder, which exports and does nothing else", () => {
    const folders = new Set(
      [...sources.keys()].flatMap((path) => unitOf(path) ?? []).filter((unit) => !unit.endsWith(".ts")),
    );
    for (const folder of folders) {
      const index = sources.get(`${folder}/index.ts`);
      assert.ok(index !== undefined, `${folder} has no index.ts`);
      const statements = index
        .replaceAll(/^\/\/.*$/gm, "")
        .split(";")
        .map((statement) => statement.trim());
      for (const statement of statements)
        assert.match(statement, /^(?:export (?:type )?\{[^}]*\} from "\.[^"]+")?$/, folder);
    }
  });
});

/** A small tree in which nothing is wrong. */
const sound: readonly (readonly [string, string])[] = [
  ["main.ts", 'await import("./compose.ts");'],
  ["compose.ts", 'import { a } from "./data-plane/index.ts";'],
  ["data-plane/index.ts", 'export { a } from "./relay/index.ts";'],
  ["data-plane/relay/index.ts", 'export { a } from "./a.ts";'],
  ["data-plane/relay/a.ts", 'import { decide } from "../recovery/index.ts";\nimport { Pool } from "undici";'],
  ["data-plane/recovery/index.ts", 'export { decide } from "./policy.ts";'],
  ["data-plane/recovery/policy.ts", 'import type { ErrorCode } from "../../errors/index.ts";'],
  ["data-plane/transport/index.ts", "export {};"],
  ["control-plane/cli/index.ts", "export {};"],
  ["store/index.ts", 'export { open } from "./memory/session-store.ts";'],
  ["store/memory/session-store.ts", 'import type { Port } from "../port.ts";'],
  ["store/port.ts", ""],
  ["errors/index.ts", 'export { catalog } from "./catalog.ts";'],
  ["errors/catalog.ts", ""],
];

describe("the check itself", () => {
  const faultsWith = (path: string, source: string) => faultsIn(new Map([...sound, [path, source]]));

  it("finds nothing in a tree that is in order", () => {
    assert.deepEqual(faultsIn(new Map(sound)), []);
  });

  for (const [name, path, source] of [
    ["an uphill import", "errors/catalog.ts", 'import { open } from "../store/index.ts";'],
    ["an uphill type import", "errors/catalog.ts", 'import type { Port } from "../store/index.ts";'],
    ["an uphill import that spans lines", "errors/catalog.ts", 'import {\n  open,\n} from "../store/index.ts";'],
    ["an uphill re-export", "errors/index.ts", 'export { open } from "../store/index.ts";'],
    ["an uphill import on demand", "errors/catalog.ts", 'const { open } = await import("../store/index.ts");'],
    ["an uphill import for its effect", "errors/catalog.ts", 'import "../store/index.ts";'],
    ["an import of compose", "data-plane/relay/a.ts", 'import { start } from "../../compose.ts";'],
    ["one plane in the other", "control-plane/cli/index.ts", 'export { a } from "../../data-plane/index.ts";'],
    ["a relay in the transport", "data-plane/transport/index.ts", 'export { a } from "../relay/index.ts";'],
    ["a deep import", "compose.ts", 'import { open } from "./store/memory/session-store.ts";'],
    ["a deep import of recovery", "data-plane/relay/a.ts", 'import { decide } from "../recovery/policy.ts";'],
    ["recovery in the transport", "data-plane/transport/index.ts", 'export { decide } from "../recovery/index.ts";'],
    ["recovery in the whole plane's index", "data-plane/index.ts", 'export { decide } from "./recovery/index.ts";'],
    ["a part of Node in recovery", "data-plane/recovery/policy.ts", 'import { hash } from "node:crypto";'],
    ["a package in recovery", "data-plane/recovery/policy.ts", 'import { z } from "zod";'],
    ["the store in recovery", "data-plane/recovery/policy.ts", 'import { open } from "../../store/index.ts";'],
    ["a folder that nobody placed", "helpers/index.ts", "export {};"],
    ["a file that is not there", "compose.ts", 'import { a } from "./gone.ts";'],
  ] as const) {
    it(`finds ${name}`, () => {
      assert.equal(faultsWith(path, source).length, 1);
    });
  }
});

describe("the start of the program", () => {
  it("imports no value of node:http or node:tls by name, which would load Node's own fetch and all root certificates at start", () => {
    const importing = /^(?:import|export) (?!type)[^;]*from "node:(?:https?|tls)"|\bimport\("node:(?:https?|tls)"\)/m;
    assert.deepEqual(
      [...sources].filter(([, source]) => importing.test(source)).map(([path]) => path),
      [],
    );
  });
});

describe("the source files", () => {
  it(`have at most ${lineLimit} lines`, () => {
    const long = [...sources].filter(([, source]) => linesOf(source) > lineLimit).map(([path]) => path);
    assert.deepEqual(long, []);
  });

  it(`have at most ${medianLimit} lines in the middle`, (context) => {
    const counts = [...sources].filter(([path]) => !isIndex(path)).map(([, source]) => linesOf(source));
    const median = counts.toSorted((a, b) => a - b)[Math.floor(counts.length / 2)] ?? 0;
    context.diagnostic(`${counts.length} files, median ${median} lines, longest ${Math.max(...counts)}`);
    assert.ok(median <= medianLimit, `${median}`);
  });

  it("begin with a sentence that says what they are for, except an index that only exports", () => {
    const silent = [...sources]
      .filter(([path]) => !isIndex(path))
      .filter(([, source]) => !/^(?:#!.*\n)?\/\/ \S.{19,}\n/.test(source))
      .map(([path]) => path);
    assert.deepEqual(silent, []);
  });
});
