// The line or entry by which a client program uses a connector. Pure; holds no secret: a token stands there as a name.
import type { ConnectorView } from "../../api/schema.ts";

export const clientNames = {
  "claude-code": "Claude Code",
  cursor: "Cursor",
  vscode: "VS Code",
  codex: "Codex",
} as const;

export interface Paste {
  /** Where it goes. */
  readonly before: string;
  readonly text: string;
}

const tokenName = "HOLDFAST_TOKEN";

export function pasteFor(
  client: keyof typeof clientNames,
  { name, endpoints: { mcp: url } }: Pick<ConnectorView, "name" | "endpoints">,
  needsToken: boolean,
): Paste {
  const bearer = (variable: string) => (needsToken ? { headers: { Authorization: `Bearer ${variable}` } } : {});
  switch (client) {
    case "claude-code": {
      const header = needsToken ? ` --header "Authorization: Bearer $${tokenName}"` : "";
      return { before: "In a shell:", text: `claude mcp add --transport http ${name} ${url}${header}` };
    }
    case "cursor":
      return {
        before: "In .cursor/mcp.json of a project, or ~/.cursor/mcp.json:",
        text: JSON.stringify({ mcpServers: { [name]: { url, ...bearer(`\${env:${tokenName}}`) } } }, null, 2),
      };
    case "vscode":
      return {
        before: "In .vscode/mcp.json:",
        text: JSON.stringify(
          { servers: { [name]: { type: "http", url, ...bearer(`\${env:${tokenName}}`) } } },
          null,
          2,
        ),
      };
    case "codex": {
      const token = needsToken ? ` --bearer-token-env-var ${tokenName}` : "";
      return { before: "In a shell:", text: `codex mcp add ${name} --url ${url}${token}` };
    }
  }
}
