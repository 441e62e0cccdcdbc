// `holdfast completion SHELL`: a script that completes verbs, flags, choices and, by asking the hub, names of connectors. Made from the commands themselves.
import type { Command } from "commander";
import { ConfigError } from "../../../config/index.ts";

interface Word {
  readonly name: string;
  readonly description: string;
  /** Flags, long form first, with the choices of each. */
  readonly flags: readonly {
    readonly long: string;
    readonly description: string;
    readonly choices: readonly string[];
  }[];
  /** What may stand behind it: names of connectors, or these words. */
  readonly takes: "connector" | readonly string[];
}

/** Verbs that the hub's program does not hold itself. */
const others: readonly Word[] = ["serve", "stdio", "chaos"].map((name) => ({
  name,
  description: "",
  flags: [],
  takes: [],
}));

/** @throws ConfigError for a shell without a writer */
export function completion(shell: string, program: Command): string {
  const words = [...program.commands.map(wordOf), ...others];
  switch (shell) {
    case "bash":
      return bash(words);
    case "zsh":
      return zsh(words);
    case "fish":
      return fish(words);
    default:
      throw new ConfigError("Completion is there for bash, zsh and fish.");
  }
}

function wordOf(command: Command): Word {
  const [argument] = command.registeredArguments;
  const subcommands = command.commands.map((one) => one.name());
  const shells = command.name() === "completion" ? ["bash", "zsh", "fish"] : undefined;
  const named = argument?.name() === "name" || argument?.name() === "name-or-url";
  const takes = shells ?? (named && !command.name().startsWith("add") ? "connector" : subcommands);
  return {
    name: command.name(),
    description: command.description(),
    flags: command.options
      .filter(({ hidden }) => !hidden)
      .map(({ long, short, description, argChoices }) => ({
        long: long ?? short ?? "",
        description,
        choices: argChoices ?? [],
      })),
    takes,
  };
}

const names = "holdfast list --names --quiet 2>/dev/null";

function bash(words: readonly Word[]): string {
  const cases = words.map(({ name, flags, takes }) => {
    const choices = flags.filter((flag) => flag.choices.length > 0);
    const byFlag = choices.map(
      (flag) => `        ${flag.long}) COMPREPLY=($(compgen -W "${flag.choices.join(" ")}" -- "$word")); return ;;`,
    );
    const values = takes === "connector" ? `$(${names})` : takes.join(" ");
    return [
      `    ${name})`,
      ...(byFlag.length === 0 ? [] : ['      case "$before" in', ...byFlag, "      esac"]),
      `      COMPREPLY=($(compgen -W "${[...flags.map(({ long }) => long), "--help"].join(" ")} ${values}" -- "$word")) ;;`,
    ].join("\n");
  });
  return `# holdfast completion for bash: source <(holdfast completion bash)
_holdfast() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" verb="\${COMP_WORDS[1]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${words.map(({ name }) => name).join(" ")} --help --version" -- "$word"))
    return
  fi
  case "$verb" in
${cases.join("\n")}
  esac
}
complete -o default -F _holdfast holdfast
`;
}

function zsh(words: readonly Word[]): string {
  const verbs = words.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`).join("\n");
  const cases = words.map(({ name, flags, takes }) => {
    const values = takes === "connector" ? `\${(f)"$(${names})"}` : takes.join(" ");
    const byFlag = flags
      .filter(({ choices }) => choices.length > 0)
      .map(({ long, choices }) => `      [[ $before == ${long} ]] && { compadd -- ${choices.join(" ")}; return }\n`);
    return `    ${name})\n${byFlag.join("")}      compadd -- ${[...flags.map(({ long }) => long), "--help", values].join(" ").trim()} ;;`;
  });
  return `#compdef holdfast
# holdfast completion for zsh: source <(holdfast completion zsh), after compinit
_holdfast() {
  local -a verbs
  verbs=(
${verbs}
  )
  if (( CURRENT == 2 )); then
    _describe 'verb' verbs
    return
  fi
  local before="\${words[CURRENT-1]}"
  case "\${words[2]}" in
${cases.join("\n")}
  esac
}
compdef _holdfast holdfast
`;
}

function fish(words: readonly Word[]): string {
  const lines = words.flatMap(({ name, description, flags, takes }) => {
    const behind = `-n '__fish_seen_subcommand_from ${name}'`;
    const values = takes === "connector" ? `(${names.replace(" 2>", " 2>")})` : takes.join(" ");
    return [
      `complete -c holdfast -n __fish_use_subcommand -f -a ${name} -d ${quoted(description)}`,
      ...(values === "" ? [] : [`complete -c holdfast ${behind} -f -a ${quoted(values)}`]),
      ...flags.map((flag) => {
        const choices = flag.choices.length === 0 ? "" : ` -x -a ${quoted(flag.choices.join(" "))}`;
        return `complete -c holdfast ${behind} -l ${flag.long.replace(/^-+/, "")}${choices} -d ${quoted(flag.description)}`;
      }),
    ];
  });
  return `# holdfast completion for fish: holdfast completion fish > ~/.config/fish/completions/holdfast.fish\n${lines.join("\n")}\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
