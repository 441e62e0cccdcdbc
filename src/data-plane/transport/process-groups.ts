// Every process group that Holdfast has started, and the watchdog that ends them should Holdfast die without a word (SIGKILL, a crash): a shell that reads
// the groups from its input and acts when that input ends. One per process; POSIX only, elsewhere a server must end with its standard input.
import { type ChildProcess, spawn } from "node:child_process";

const groups = new Set<number>();
let watchdog: ChildProcess | undefined;
let isEnding = false;
let isWatching = false;

/** `+ ID` adds a group, `- ID` takes it out; at the end of the input whatever is left is ended. */
const script = `groups=" "
while read -r what id; do
  case "$what" in
    +) groups="$groups$id " ;;
    -) case "$groups" in *" $id "*) groups="\${groups%% $id *} \${groups#* $id }" ;; esac ;;
  esac
done
[ "$groups" = " " ] && exit 0
for id in $groups; do kill -TERM "-$id" 2>/dev/null; done
sleep 2
for id in $groups; do kill -KILL "-$id" 2>/dev/null; done`;

const isPosix = process.platform !== "win32";

export function guardGroup(id: number): void {
  if (!isWatching) process.once("exit", endAll);
  isWatching = true;
  groups.add(id);
  if (!isPosix) return;
  if (watchdog === undefined) startWatchdog();
  else tell(`+ ${id}`);
}

/** The group is known to be gone. */
export function releaseGroup(id: number): void {
  groups.delete(id);
  tell(`- ${id}`);
}

/** False when nothing of the group is left. */
export function signalGroup(id: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(isPosix ? -id : id, signal);
  } catch (error) {
    // A group whose processes belong to somebody else is still there.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function startWatchdog(): void {
  const child = spawn("/bin/sh", ["-c", script, "holdfast-watchdog"], {
    // Out of reach of a Ctrl-C, which would end it together with Holdfast.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
  });
  watchdog = child;
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  child.stdin?.on("error", () => {});
  const gone = (): void => {
    if (watchdog !== child) return;
    watchdog = undefined;
    if (groups.size > 0 && !isEnding) startWatchdog();
  };
  child.once("exit", gone);
  child.once("error", () => {
    watchdog = undefined;
  });
  for (const id of groups) tell(`+ ${id}`);
}

function tell(line: string): void {
  watchdog?.stdin?.write(`${line}\n`);
}

/** Our own orderly end has ended them before; this is for an end that was not. */
function endAll(): void {
  isEnding = true;
  for (const id of groups) signalGroup(id, "SIGKILL");
}
