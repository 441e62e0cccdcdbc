// What to paste into an MCP client so that it reaches a connector: its config entry and, where it has one, its command. Pure text; runs in a browser too.

/** The clients that `export --for` knows. */
export const exportClients = ["claude-code", "claude-desktop", "cursor", "vscode", "codex"] as const;
export type ExportClient = (typeof exportClients)[number];

export interface ExportTarget {
  readonly name: string;
  /** Where Holdfast serves the connector. */
  readonly url: string;
  /** The hub asks its clients for a token: each client is told to take it from this variable. */
  readonly tokenVariable?: string | undefined;
  /** How to start Holdfast, for clients that only start programs. */
  readonly launcher: { readonly command: string; readonly args: readonly string[] };
}

export interface Exported {
  readonly client: ExportClient;
  /** Where the entry belongs, as the client's own documentation names it. */
  readonly file: string;
  /** The whole text that such a file needs; JSON, or TOML for Codex. */
  readonly entry: string;
  /** One line to paste: a shell command, or a link to open. */
  readonly command: string | undefined;
}

export function exportFor(client: ExportClient, target: ExportTarget): Exported {
  return { client, ...writers[client](target) };
}

type Writer = (target: ExportTarget) => Omit<Exported, "client">;

const writers: Readonly<Record<ExportClient, Writer>> = {
  "claude-code": ({ name, url, tokenVariable }) => ({
    file: ".mcp.json",
    entry: json({ mcpServers: { [name]: { type: "http", url, ...bearer(tokenVariable, (v) => `\${${v}}`) } } }),
    command: [
      `claude mcp add --transport http ${quoted(name)} ${quoted(url)}`,
      // Single quotes: Claude Code itself fills the variable in, so that no token comes to stand in its file.
      ...(tokenVariable === undefined ? [] : [`--header 'Authorization: Bearer \${${tokenVariable}}'`]),
    ].join(" "),
  }),
  "claude-desktop": ({ name, url, tokenVariable, launcher }) => ({
    file: "claude_desktop_config.json",
    entry: json({
      mcpServers: {
        [name]: {
          command: launcher.command,
          args: [
            ...launcher.args,
            "stdio",
            url,
            ...(tokenVariable === undefined ? [] : ["--header", `Authorization: Bearer \${${tokenVariable}}`]),
          ],
          // Claude Desktop hands on no variables of the shell: the token is written here.
          ...(tokenVariable === undefined ? {} : { env: { [tokenVariable]: "" } }),
        },
      },
    }),
    command: undefined,
  }),
  cursor: ({ name, url, tokenVariable }) => {
    const server = { url, ...bearer(tokenVariable, (v) => `\${env:${v}}`) };
    const config = encodeURIComponent(base64(JSON.stringify(server)));
    return {
      file: ".cursor/mcp.json",
      entry: json({ mcpServers: { [name]: server } }),
      command: `cursor://anysphere.cursor-deeplink/mcp/install?name=${encodeURIComponent(name)}&config=${config}`,
    };
  },
  vscode: ({ name, url, tokenVariable }) => {
    const server = { type: "http", url, ...bearer(tokenVariable, () => "${input:holdfast-token}") };
    const inputs =
      tokenVariable === undefined
        ? {}
        : {
            inputs: [{ type: "promptString", id: "holdfast-token", description: "Holdfast API token", password: true }],
          };
    return {
      file: ".vscode/mcp.json",
      entry: json({ ...inputs, servers: { [name]: server } }),
      // An input can only be declared in the file.
      command:
        tokenVariable === undefined ? `code --add-mcp ${quoted(JSON.stringify({ name, ...server }))}` : undefined,
    };
  },
  codex: ({ name, url, tokenVariable }) => ({
    file: "~/.codex/config.toml",
    entry: [
      `[mcp_servers.${/^[\w-]+$/.test(name) ? name : JSON.stringify(name)}]`,
      `url = ${JSON.stringify(url)}`,
      ...(tokenVariable === undefined ? [] : [`bearer_token_env_var = ${JSON.stringify(tokenVariable)}`]),
      "",
    ].join("\n"),
    command: [
      `codex mcp add ${quoted(name)} --url ${quoted(url)}`,
      ...(tokenVariable === undefined ? [] : [`--bearer-token-env-var ${quoted(tokenVariable)}`]),
    ].join(" "),
  }),
};

function bearer(variable: string | undefined, reference: (name: string) => string) {
  return variable === undefined ? {} : { headers: { Authorization: `Bearer ${reference(variable)}` } };
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** For a POSIX shell; plain words stay plain. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
