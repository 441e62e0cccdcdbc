// Where the clients keep their config files, so that `import claude-desktop` needs no path. The first that exists is taken.
import { existsSync } from "node:fs";
import { homedir, platform } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../../config/index.ts";

export const importClients = ["claude-code", "claude-desktop", "cursor", "vscode"] as const;
type ImportClient = (typeof importClients)[number];

/** Undefined for what is no client's name. @throws ConfigError where the client has no file here */
export function findClientFile(what: string): string | undefined {
  const client = importClients.find((one) => one === what);
  if (client === undefined) return undefined;
  const places = filesOf(client);
  const found = places.find((path) => existsSync(path));
  if (found === undefined)
    throw new ConfigError(`There is no config file of ${client} here; looked for ${places.join(", ")}.`);
  return found;
}

function filesOf(client: ImportClient): readonly string[] {
  const home = homedir();
  switch (client) {
    case "claude-code":
      return [".mcp.json", join(home, ".claude.json")];
    case "claude-desktop":
      return [join(appData(home), "Claude", "claude_desktop_config.json")];
    case "cursor":
      return [join(".cursor", "mcp.json"), join(home, ".cursor", "mcp.json")];
    case "vscode":
      return [join(".vscode", "mcp.json"), join(appData(home), "Code", "User", "mcp.json")];
  }
}

/** Of programs, by the platform's convention. */
function appData(home: string): string {
  if (platform() === "win32") return process.env["APPDATA"] ?? join(home, "AppData", "Roaming");
  if (platform() === "darwin") return join(home, "Library", "Application Support");
  return process.env["XDG_CONFIG_HOME"] ?? join(home, ".config");
}
