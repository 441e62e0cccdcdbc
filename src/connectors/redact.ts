// Takes out of a body what nobody may read in it: what is secret about the connector, whatever is named like a secret, and tokens of our own. Pure.
import { addressWords, type ConnectorOptions } from "../config/index.ts";
import { printable } from "../errors/index.ts";

const hidden = "***";
/** Shorter words stand everywhere. */
const leastWord = 4;
const scheme = /^(?:bearer|basic|token|digest|negotiate)$/i;
const secretName =
  /token|secret|passw|passphrase|pwd|api.?key|access.?key|private.?key|authorization|cookie|credential/i;
/** MCP's own, and counts. */
const harmlessName = /^(?:progressToken|maxTokens|tokens|.*_tokens)$/;
/** Tokens of this hub, and whatever is presented as one. */
const tokens = /\bhfx_[\w-]{8,}|\b(Bearer|Basic) +[\w.~+/=-]{8,}/gi;

/** What of a connector's settings must not be shown, as far as its server may repeat it. */
export function secretWords({ server, headers }: Pick<ConnectorOptions, "server" | "headers">): readonly string[] {
  const values = headers.filter((_, index) => index % 2 === 1).flatMap((value) => [value, ...value.split(/[\s,;=]+/)]);
  const words = values.filter((word) => !scheme.test(word));
  if (server.kind === "stdio") return [...words, ...Object.values(server.env), ...secretArguments(server.args)];
  return [...words, ...addressWords(server)];
}

function secretArguments(args: readonly string[]): readonly string[] {
  return args.flatMap((arg, index) => {
    const [, name = "", value] = /^--?([\w-]+)(?:=(.*))?$/s.exec(arg) ?? [];
    return secretName.test(name) ? [value ?? args[index + 1] ?? ""] : [];
  });
}

/** Shows a body's text; `isCut`: more of it came than is here, so that its last word may be the beginning of a secret. */
export function redact(text: string, isCut: boolean, secrets: readonly string[]): string {
  const words = [...new Set(secrets.filter((word) => word.length >= leastWord).flatMap(spellings))];
  // The longest first, so that no rest of it is left when another is a part of it.
  words.sort((a, b) => b.length - a.length);
  const whole = words.reduce(
    (rest, word) => rest.replaceAll(word, hidden),
    isCut ? withoutBeginning(text, words) : text,
  );
  const named = withoutNamed(whole).replace(tokens, (_, kind: string | undefined) =>
    kind === undefined ? hidden : `${kind} ${hidden}`,
  );
  return named
    .split("\n")
    .map((line) => printable(line, Number.POSITIVE_INFINITY))
    .join("\n");
}

/** As it may stand in JSON, in a URL, or in JSON within JSON. */
function spellings(word: string): readonly string[] {
  const json = JSON.stringify(word).slice(1, -1);
  return [word, json, json.replaceAll("/", "\\/"), JSON.stringify(json).slice(1, -1), encodeURIComponent(word)];
}

function withoutBeginning(text: string, words: readonly string[]): string {
  let cut = 0;
  for (const word of words) {
    for (let length = Math.min(word.length - 1, text.length); length > cut; length -= 1) {
      if (text.endsWith(word.slice(0, length))) cut = length;
    }
  }
  return cut < leastWord ? text : `${text.slice(0, -cut)}${hidden}`;
}

/** The values, where they are texts, of members that are named like secrets; also in JSON that stands as a text within JSON. */
function withoutNamed(text: string): string {
  const member = /(?<!\\)(\\*)"([^"\\]{1,64})\1"\s*:\s*\1"/g;
  let shown = "";
  let from = 0;
  for (let found = member.exec(text); found !== null; found = member.exec(text)) {
    const [{ length }, escapes = "", name = ""] = found;
    if (!secretName.test(name) || harmlessName.test(name)) {
      // The value may be a text that holds members itself.
      member.lastIndex = found.index + length - 1;
      continue;
    }
    const begins = found.index + length;
    const ends = endOfText(text, begins, escapes.length);
    shown += `${text.slice(from, begins)}${hidden}`;
    from = ends;
    member.lastIndex = ends;
  }
  return shown + text.slice(from);
}

/** Where the text that began behind a quote with so many escapes ends: before its closing quote, or with everything that is there. */
function endOfText(text: string, begins: number, escapes: number): number {
  for (let quote = text.indexOf('"', begins); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let run = 0;
    while (quote - run > begins && text[quote - run - 1] === "\\") run += 1;
    if (run === escapes || (escapes === 0 && run % 2 === 0)) return quote - escapes;
  }
  return text.length;
}
