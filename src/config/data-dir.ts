// Where Holdfast keeps what must survive it, by the platform's own convention.
import { homedir, platform } from "node:os";
import { join } from "node:path";

/** XDG_DATA_HOME on Linux, Application Support on macOS, LOCALAPPDATA on Windows. */
export function defaultDataDir(env: NodeJS.ProcessEnv = process.env): string {
  const home = homedir();
  switch (platform()) {
    case "win32":
      return join(env["LOCALAPPDATA"] ?? join(home, "AppData", "Local"), "holdfast");
    case "darwin":
      return join(home, "Library", "Application Support", "holdfast");
    default:
      return join(env["XDG_DATA_HOME"] ?? join(home, ".local", "share"), "holdfast");
  }
}
