// Opens a link in the user's browser, as an argument of a program and never through a shell. What comes of it nobody waits for.
import { spawn } from "node:child_process";

/** `say` hears that it could not be opened; the link itself was shown before. */
export function openBrowser(url: string, say: (text: string) => void): void {
  const [command, ...args] = opener(process.platform);
  const child = spawn(command, [...args, url], { stdio: "ignore", detached: true });
  child.once("error", () => say("No browser could be opened here: open the link yourself."));
  child.unref();
}

function opener(platform: NodeJS.Platform): readonly [string, ...string[]] {
  if (platform === "darwin") return ["open"];
  return platform === "win32" ? ["rundll32", "url.dll,FileProtocolHandler"] : ["xdg-open"];
}

/** Calls once when Enter is pressed, unless `signal` fires first. */
export function whenEntered(signal: AbortSignal, entered: () => void): void {
  const { stdin } = process;
  const end = (): void => {
    stdin.off("data", once);
    stdin.pause();
    stdin.unref();
  };
  const once = (): void => {
    end();
    entered();
  };
  stdin.on("data", once);
  signal.addEventListener("abort", end, { once: true });
}
