// Reads a config file of the ecosystem: {"mcpServers"} (Claude, Cursor) or {"servers", "inputs"} (VS Code), with comments. Says where it is wrong.
import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { printable } from "../../errors/index.ts";
import { ConfigError } from "../index.ts";
import type { ConnectorEntry } from "./connector-entry.ts";
import { type EntryProblem, readEntry } from "./read-entry.ts";

const mostProblems = 5;
const mostBytes = 1024 * 1024;

/**
 * @param file as the user named it; stands before line and column in errors
 * @throws ConfigError with up to five lines `FILE:LINE:COLUMN what is wrong`; never with a value
 */
export function readServers(source: string, file: string): readonly ConnectorEntry[] {
  const bare = source.replace(/^\uFEFF/, "");
  if (bare.length > mostBytes) throw new ConfigError(`${file} is larger than 1 MiB, which no list of servers needs.`);
  const faults: ParseError[] = [];
  const root = parseTree(bare, faults, { allowTrailingComma: true });
  const at = (offset: number) => `${file}:${position(bare, offset)}`;
  const [first] = faults;
  if (first !== undefined)
    throw new ConfigError(`${at(first.offset)} ${explainSyntax(printParseErrorCode(first.error))}`);
  const servers = root === undefined ? undefined : serversOf(root);
  if (servers === undefined)
    throw new ConfigError(`${at(0)} There is no "mcpServers" (Claude, Cursor) and no "servers" (VS Code) in it.`);
  if (servers.type !== "object")
    throw new ConfigError(`${at(servers.offset)} The servers must be an object of names and servers.`);
  const problems: string[] = [];
  const entries = (servers.children ?? []).flatMap((property) => {
    const [key, value] = property.children ?? [];
    const name = String(key?.value);
    if (value === undefined) return [];
    const twice = keysTwice(value);
    const { entry, problems: found } = readEntry(name, plain(value));
    problems.push(
      ...twice.map((node) => `${at(node.offset)} ${name}: ${String(node.value)} stands here twice.`),
      ...found.map((problem) => `${at(nodeAt(value, problem.path).offset)} ${sentence(name, problem)}`),
    );
    return entry ?? [];
  });
  problems.push(
    ...keysTwice(servers, 1).map((node) => `${at(node.offset)} ${String(node.value)} stands here twice. Rename one.`),
  );
  if (problems.length > 0) throw new ConfigError(listed(problems));
  return entries;
}

/** VS Code's user settings keep the same object one level down. */
function serversOf(root: Node): Node | undefined {
  return child(root, "mcpServers") ?? child(root, "servers") ?? serversWithin(child(root, "mcp"));
}

function serversWithin(mcp: Node | undefined): Node | undefined {
  return mcp === undefined ? undefined : (child(mcp, "servers") ?? child(mcp, "mcpServers"));
}

function child(node: Node, key: string | number): Node | undefined {
  if (node.type === "array" && typeof key === "number") return node.children?.[key];
  if (node.type !== "object") return undefined;
  return node.children?.findLast((property) => property.children?.[0]?.value === key)?.children?.[1];
}

/** The node at the path, or the nearest one above it. */
function nodeAt(node: Node, path: readonly (string | number)[]): Node {
  const [key, ...rest] = path;
  const next = key === undefined ? undefined : child(node, key);
  return next === undefined ? node : nodeAt(next, rest);
}

function keysTwice(node: Node, depth = 3): readonly Node[] {
  if (depth === 0 || node.children === undefined) return [];
  if (node.type !== "object") return node.children.flatMap((item) => keysTwice(item, depth - 1));
  const seen = new Set<unknown>();
  return node.children.flatMap((property) => {
    const [key, value] = property.children ?? [];
    const again = key !== undefined && seen.has(key.value) ? [key] : [];
    seen.add(key?.value);
    return [...again, ...(value === undefined ? [] : keysTwice(value, depth - 1))];
  });
}

/** As JSON.parse would give it, but `__proto__` stays a plain key. */
function plain(node: Node): unknown {
  if (node.type === "array") return (node.children ?? []).map(plain);
  if (node.type !== "object") return node.value;
  const pairs = (node.children ?? []).flatMap(({ children = [] }): [string, unknown][] => {
    const [key, value] = children;
    return key === undefined || value === undefined ? [] : [[String(key.value), plain(value)]];
  });
  return Object.fromEntries(pairs);
}

function position(source: string, offset: number): string {
  const before = source.slice(0, offset).split(/\r\n|\n|\r/);
  return `${before.length}:${(before.at(-1) ?? "").length + 1}`;
}

function sentence(name: string, { path, says }: EntryProblem): string {
  const place = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`)).join("");
  return `${printable(name + place, 120)} ${says}`;
}

function listed(problems: readonly string[]): string {
  const more = problems.length - mostProblems;
  const shown = problems.slice(0, mostProblems).join("\n");
  return more > 0 ? `${shown}\n... and ${more} more.` : shown;
}

const syntax: Readonly<Record<string, string>> = {
  CommaExpected: "A comma is missing before this.",
  ColonExpected: "A colon is missing before this.",
  CloseBraceExpected: "A closing brace is missing.",
  CloseBracketExpected: "A closing bracket is missing.",
  PropertyNameExpected: "A name in double quotes is expected here.",
  ValueExpected: "A value is expected here.",
  EndOfFileExpected: "The file should end here.",
  InvalidSymbol: "This is no JSON: text stands in double quotes.",
  InvalidCharacter: "A character that JSON does not allow here.",
  InvalidEscapeCharacter: "A backslash here begins no escape; write \\\\ for a backslash.",
  UnexpectedEndOfString: "The text is not closed: a double quote is missing.",
  UnexpectedEndOfComment: "The comment is not closed: */ is missing.",
};

function explainSyntax(code: string): string {
  return syntax[code] ?? "This is no JSON.";
}
