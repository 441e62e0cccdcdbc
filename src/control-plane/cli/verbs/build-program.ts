// The command line of the hub's verbs: what can be typed, with help and examples. Each verb is loaded when it is run.
import { Command, InvalidArgumentError, Option } from "commander";
import { directory, mostMessageBytes, startSeconds } from "../flag-values.ts";
import type { LocalParts } from "../hub/local-parts.ts";
import { hubVerbs } from "../hub-verbs.ts";
import type { AddFlags } from "./add.ts";
import type { DoctorFlags } from "./doctor.ts";
import type { ExportFlags } from "./export.ts";
import type { ImportFlags } from "./import.ts";
import type { LogsFlags } from "./logs.ts";
import type { LoginFlags } from "./sign-in.ts";
import { type CommonFlags, runVerb, type VerbContext } from "./verb.ts";

type Run = (context: VerbContext) => Promise<number | void>;

export function buildHubProgram(version: string, parts: LocalParts): Command {
  const program = new Command("holdfast").version(version).configureOutput({
    // What was typed by mistake may be a secret in the wrong place.
    outputError: (text, write) =>
      write(text.replace(/(unknown option '--?[^'=]*)=.*'/s, "$1'").replace(/(too many arguments[^:]*):.*/s, "$1.\n")),
  });
  const verb = (name: keyof typeof hubVerbs, usage: string, examples: readonly string[]): Command =>
    common(program.command(`${name}${usage === "" ? "" : ` ${usage}`}`).description(hubVerbs[name]), examples);
  const run = (flags: CommonFlags, what: Run) => runVerb(flags, parts, what);
  addVerbs(verb, run);
  lookVerbs(verb, run);
  changeVerbs(verb, run);
  exchangeVerbs(verb, run);
  ownVerbs(program, verb, run, version, parts);
  return program;
}

type Verb = (name: keyof typeof hubVerbs, usage: string, examples: readonly string[]) => Command;
type RunVerb = (flags: CommonFlags, what: Run) => Promise<void>;

function common(command: Command, examples: readonly string[]): Command {
  return command
    .addOption(
      new Option("--data-dir <path>", "the hub's data directory (default: the platform's)")
        .argParser(directory)
        .env("HOLDFAST_DATA_DIR"),
    )
    .option("--json", "print the result as JSON (holdfast schema describes it)")
    .option("--quiet", "print nothing but the result and errors")
    .addHelpText("after", `\nExamples:\n${examples.map((example) => `  ${example}`).join("\n")}`)
    .showHelpAfterError(`(holdfast ${command.name()} --help shows what can be typed)`);
}

function settings(command: Command): Command {
  return command
    .option("-t, --transport <type>", "http, streamable-http, sse, ws or stdio (default: by what is given)")
    .addOption(
      repeatable(
        "-H, --header <line>",
        "'Name: value' sent to the server; ${VAR} is filled in when it connects (repeatable)",
      ),
    )
    .addOption(repeatable("-e, --env <pair>", "NAME=value for a command (repeatable)"))
    .option("--cwd <path>", "where to start a command")
    .option("--share", "one process of a command for all sessions");
}

function options(command: Command): Command {
  return command
    .option("--trusted", "believe the server's tool annotations when deciding what may run twice")
    .addOption(
      new Option("--recovery <mode>", "what clients learn of a restored session").choices([
        "transparent",
        "notify",
        "strict",
      ]),
    )
    .option("--recovery-window <seconds>", "how long a request may wait for a server that is away", seconds)
    .option("--max-message <bytes>", "largest message of a server on stdio, HTTP+SSE or WebSocket", mostMessageBytes)
    .option("--start-timeout <seconds>", "how long such a server may take to start and answer initialize", startSeconds)
    .addOption(new Option("-s, --scope <scope>").hideHelp());
}

function addVerbs(verb: Verb, run: RunVerb): void {
  options(
    settings(
      verb("add", "<name> [url-or-command] [args...]", [
        "holdfast add docs https://example.com/mcp",
        "holdfast add --transport http docs https://example.com/mcp --header 'Authorization: Bearer ${TOKEN}'",
        "holdfast add memory -e MEMORY_FILE_PATH=/srv/memory.jsonl -- npx -y @modelcontextprotocol/server-memory",
      ]),
    ),
  )
    .option("--disconnected", "keep it, but do not connect it yet")
    .action((name: string, first: string | undefined, rest: readonly string[], flags: AddFlags) =>
      run(flags, async (context) => (await import("./add.ts")).add(name, words(first, rest), flags, context)),
    );
  options(
    verb("add-json", "<name> <json>", [
      `holdfast add-json docs '{"type":"http","url":"https://example.com/mcp"}'`,
      `holdfast add-json memory '{"command":"npx","args":["-y","@modelcontextprotocol/server-memory"]}'`,
    ]),
  )
    .option("--disconnected", "keep it, but do not connect it yet")
    .action((name: string, json: string, flags: AddFlags) =>
      run(flags, async (context) => (await import("./add.ts")).addJson(name, json, flags, context)),
    );
  options(
    settings(
      verb("edit", "<name> [url-or-command] [args...]", [
        "holdfast edit docs https://example.com/v2/mcp",
        "holdfast edit docs --header 'Authorization: Bearer ${NEW_TOKEN}'",
        "holdfast edit docs --recovery strict",
      ]),
    ),
  ).action((name: string, first: string | undefined, rest: readonly string[], flags: AddFlags) =>
    run(flags, async (context) => (await import("./add.ts")).edit(name, words(first, rest), flags, context)),
  );
}

function lookVerbs(verb: Verb, run: RunVerb): void {
  verb("list", "", ["holdfast list", "holdfast list --json | jq -r '.connectors[].name'"])
    .addOption(new Option("--names").hideHelp())
    .action((flags: CommonFlags & { readonly names?: boolean }) =>
      run(flags, async (context) => (await import("./list.ts")).list(flags, context)),
    );
  verb("get", "<name>", ["holdfast get docs", "holdfast get docs --json"]).action((name: string, flags: CommonFlags) =>
    run(flags, async (context) => (await import("./get.ts")).get(name, flags, context)),
  );
  verb("test", "<name>", ["holdfast test docs && echo it answers"]).action((name: string, flags: CommonFlags) =>
    run(flags, async (context) => (await import("./test.ts")).test(name, flags, context)),
  );
  verb("doctor", "<name-or-url>", ["holdfast doctor docs", "holdfast doctor https://example.com/mcp"])
    .option("-t, --transport <type>", "for a URL: http, streamable-http, sse or ws")
    .addOption(repeatable("-H, --header <line>", "for a URL: 'Name: value' sent to the server (repeatable)"))
    .action((target: string, flags: DoctorFlags) =>
      run(flags, async (context) => (await import("./doctor.ts")).doctor(target, flags, context)),
    );
  verb("tools", "<name>", ["holdfast tools docs"]).action((name: string, flags: CommonFlags) =>
    run(flags, async (context) => (await import("./tools.ts")).tools(name, flags, context)),
  );
  verb("call", "<name> <tool> [json]", [
    `holdfast call memory search_nodes '{"query":"Anna"}'`,
    "holdfast call demo count && echo it ran",
  ]).action((name: string, tool: string, json: string | undefined, flags: CommonFlags) =>
    run(flags, async (context) => (await import("./call.ts")).call(name, tool, json, flags, context)),
  );
  verb("logs", "<name>", [
    "holdfast logs docs",
    "holdfast logs -f docs",
    "holdfast logs -f docs --keep-bodies on --bodies",
  ])
    .option("-f, --follow", "go on as requests come, until Ctrl-C")
    .option("-n, --lines <number>", "how many of the last requests", wholeNumber, 50)
    .option("--bodies", "show what was asked and answered, where it is kept")
    .addOption(
      new Option("--keep-bodies <switch>", "keep bodies from now on, until the hub ends, or forget them").choices([
        "on",
        "off",
      ]),
    )
    .action((name: string, flags: LogsFlags) =>
      run(flags, async (context) => (await import("./logs.ts")).logs(name, flags, context)),
    );
}

function changeVerbs(verb: Verb, run: RunVerb): void {
  for (const [name, wanted] of [
    ["connect", "connected"],
    ["disconnect", "disconnected"],
  ] as const) {
    verb(name, "<name>", [`holdfast ${name} docs`]).action((connector: string, flags: CommonFlags) =>
      run(flags, async (context) => (await import("./set-wanted.ts")).setWanted(connector, wanted, flags, context)),
    );
  }
  verb("upgrade", "<name>", ["npm install -g some-server@latest && holdfast upgrade some-server"]).action(
    (name: string, flags: CommonFlags) =>
      run(flags, async (context) => (await import("./upgrade.ts")).upgrade(name, flags, context)),
  );
  verb("remove", "<name>", ["holdfast remove docs"]).action((name: string, flags: CommonFlags) =>
    run(flags, async (context) => (await import("./remove.ts")).remove(name, flags, context)),
  );
  signInVerbs(verb, run);
  sessionVerbs(verb, run);
}

function signInVerbs(verb: Verb, run: RunVerb): void {
  verb("login", "<name>", [
    "holdfast login docs",
    "holdfast login docs --open",
    "holdfast login docs --client-id 4f1c09 --client-secret '${CLIENT_SECRET}'",
  ])
    .option("--open", "open the link in the browser at once")
    .option("--client-id <id>", "as the authorization server gave it out, where no program may register itself")
    .option("--client-secret <variable>", "'${VAR}': the variable that holds the client's secret")
    .option("--client-secret-file <path>", "a file that holds it")
    .option("--scope <scope>", "rights to ask for, with spaces between (default: what the server names)")
    .action((name: string, flags: LoginFlags) =>
      run(flags, async (context) => (await import("./sign-in.ts")).login(name, flags, context)),
    );
  verb("logout", "<name>", ["holdfast logout docs"]).action((name: string, flags: CommonFlags) =>
    run(flags, async (context) => (await import("./sign-in.ts")).logout(name, flags, context)),
  );
}

function sessionVerbs(verb: Verb, run: RunVerb): void {
  const load = () => import("./sessions.ts");
  const examples = ["holdfast sessions docs", "holdfast sessions break docs"];
  const sessions = verb("sessions", "", examples).argument("[name]", "the connector");
  sessions.action((name: string | undefined, flags: CommonFlags, command: Command) =>
    name === undefined
      ? command.help({ error: true })
      : run(flags, async (context) => (await load()).listSessions(name, flags, context)),
  );
  common(sessions.command("list <name>"), ["holdfast sessions list docs"])
    .description("the sessions of a connector")
    .action((name: string, flags: CommonFlags) =>
      run(flags, async (context) => (await load()).listSessions(name, flags, context)),
    );
  common(sessions.command("break <name> [session]"), ["holdfast sessions break docs"])
    .description("let the next request of a session carry a dead id, to see it heal")
    .action((name: string, session: string | undefined, flags: CommonFlags) =>
      run(flags, async (context) => (await load()).breakSession(name, session, flags, context)),
    );
  common(sessions.command("end <name> <session>"), ["holdfast sessions end docs 4f1c09"])
    .description("end a session on both sides")
    .action((name: string, session: string, flags: CommonFlags) =>
      run(flags, async (context) => (await load()).endSession(name, session, flags, context)),
    );
}

function exchangeVerbs(verb: Verb, run: RunVerb): void {
  verb("import", "<file-or-client>", [
    "holdfast import .mcp.json",
    "holdfast import claude-desktop --dry-run",
    "holdfast import cursor --only docs --only memory",
  ])
    .addOption(repeatable("--only <name>", "only this server of the file (repeatable)"))
    .option("--replace", "overwrite connectors that exist")
    .option("--dry-run", "show what would be added, and add nothing")
    .action((what: string, flags: ImportFlags) =>
      run(flags, async (context) => (await import("./import.ts")).importServers(what, flags, context)),
    );
  verb("export", "<name>", ["holdfast export docs --for claude-code", "holdfast export docs --for cursor --as entry"])
    .addOption(
      new Option("--for <client>", "for which client")
        .choices(["claude-code", "claude-desktop", "cursor", "vscode", "codex"])
        .makeOptionMandatory(),
    )
    .addOption(new Option("--as <form>", "a config file's entry, or a command to paste").choices(["entry", "command"]))
    .action((name: string, flags: ExportFlags) =>
      run(flags, async (context) => (await import("./export.ts")).exportConnector(name, flags, context)),
    );
}

function ownVerbs(program: Command, verb: Verb, run: RunVerb, version: string, parts: LocalParts): void {
  verb("login-link", "", ["holdfast login-link"]).action((flags: CommonFlags) =>
    run(flags, async (context) => (await import("./sign-in.ts")).loginLink(flags, context)),
  );
  program
    .command("completion <shell>")
    .description(hubVerbs.completion)
    .addHelpText(
      "after",
      "\nExamples:\n  source <(holdfast completion bash)\n  holdfast completion fish > ~/.config/fish/completions/holdfast.fish",
    )
    .action((shell: string) =>
      run({}, async ({ terminal }) =>
        terminal.out((await import("./completion.ts")).completion(shell, buildHubProgram(version, parts))),
      ),
    );
  program
    .command("schema")
    .description(hubVerbs.schema)
    .action(() => run({}, async ({ terminal }) => terminal.out((await import("./schema.ts")).cliSchemaPage())));
}

function words(first: string | undefined, rest: readonly string[]): readonly string[] {
  return first === undefined ? [] : [first, ...rest];
}

function repeatable(flags: string, description: string): Option {
  return new Option(flags, description)
    .argParser((value: string, before: readonly string[]) => [...before, value])
    .default([]);
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 10_000) return value;
  throw new InvalidArgumentError("It must be a whole number from 0 to 10000.");
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 3_600) return value;
  throw new InvalidArgumentError("It must be a number from 0 to 3600.");
}
