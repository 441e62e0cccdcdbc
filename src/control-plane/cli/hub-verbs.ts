// The verbs of the hub by name, so that the start of a bridge loads none of them: what they do is loaded when one is typed.
import type { LocalParts } from "./hub/local-parts.ts";

/** In the order of the help. */
export const hubVerbs = {
  add: "add a connector: a URL, or a command behind --",
  "add-json": "add a connector as a config file's entry",
  edit: "change a connector",
  list: "all connectors, with their status",
  get: "one connector, with the evidence for its status",
  connect: "want a connector connected",
  disconnect: "want a connector disconnected; holds over restarts",
  remove: "remove a connector and everything of it",
  login: "sign in to a connector's server in the browser",
  logout: "sign out of a connector's server",
  test: "ask a connector's server now",
  upgrade: "start a connector's program anew, without a call lost",
  doctor: "find out which step toward a server fails",
  tools: "what a connector's server offers",
  call: "call a tool through the hub",
  logs: "the last requests and restores; -f goes on live",
  sessions: "a connector's sessions; break one to see it heal",
  import: "take servers over from a client's config file",
  export: "what to paste into a client",
  "login-link": "a new link to the hub's page",
  completion: "completion for bash, zsh or fish",
  schema: "what --json prints, as JSON Schema",
} as const;

export function isHubVerb(word: string | undefined): boolean {
  return word !== undefined && Object.hasOwn(hubVerbs, word);
}

export function hubHelp(): string {
  const lines = Object.entries(hubVerbs).map(([verb, what]) => `  ${verb.padEnd(12)}${what}`);
  return `\nVerbs of the hub (holdfast VERB --help shows each):\n${lines.join("\n")}\n`;
}

export async function runHubVerb(version: string, argv: readonly string[], parts: LocalParts): Promise<void> {
  const { buildHubProgram } = await import("./verbs/build-program.ts");
  await buildHubProgram(version, parts).parseAsync([...argv], { from: "user" });
}
