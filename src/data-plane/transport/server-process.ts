// One child process that speaks MCP on its standard input and output: started in a process group of its own, read line by line, ended with everything it started.
import type { ChildProcess } from "node:child_process";
import { statSync } from "node:fs";
import spawn from "cross-spawn";
import type { StdioAddress } from "../../config/index.ts";
import { childEnvironment } from "./child-environment.ts";
import { LineFramer } from "./line-framer.ts";
import { guardGroup, releaseGroup, signalGroup } from "./process-groups.ts";
import { StderrLines, secretHider } from "./stderr-lines.ts";
import { eachMessage, type Refused, type Tell, type Wire, type WireEvents } from "./wire.ts";
import { WireFault } from "./wire-fault.ts";

/** From closing its input to SIGTERM, and from there to SIGKILL (lifecycle, "Shutdown", stdio). */
const closeGraceMs = 1_000;
const termGraceMs = 2_000;
/** What a process said last may still be on its way when it has ended. */
const lastWordsMs = 200;
const pollMs = 25;

export interface ProcessHooks {
  readonly tell: Tell;
  /** Ended, by itself or by us, after so many answers. */
  over(answers: number, byItself: WireFault | undefined): void;
}

export class ServerProcess implements Wire {
  readonly #events: WireEvents;
  readonly #hooks: ProcessHooks;
  readonly #child: ChildProcess;
  readonly #stderr: StderrLines;
  readonly #framer: LineFramer;
  readonly #hide: (text: string) => string;
  #answers = 0;
  #noise = "";
  #noiseLines = 0;
  /** What all wait for whose message found none. */
  #room: Promise<undefined> | undefined;
  #ending: Promise<void> | undefined;
  #isOver = false;
  readonly #exited: Promise<void>;

  private constructor(
    child: ChildProcess,
    address: StdioAddress,
    maxBytes: number,
    events: WireEvents,
    hooks: ProcessHooks,
  ) {
    this.#child = child;
    this.#events = events;
    this.#hooks = hooks;
    const pid = child.pid ?? 0;
    this.#hide = secretHider(Object.values(address.env));
    this.#stderr = new StderrLines(this.#hide, (line) => hooks.tell("info", "server stderr", { pid, line }));
    this.#framer = new LineFramer(maxBytes, {
      message: (text, scanned) => {
        try {
          eachMessage(text, scanned, (part, envelope) => this.#message(part, envelope));
        } catch (cause) {
          hooks.tell("warn", "server's message could not be carried", { pid, reason: String(cause) });
          void this.close();
        }
      },
      tooLarge: (envelope) => {
        if (!this.#isOver) events.tooLarge(envelope);
      },
      noise: (head) => this.#noiseLine(head),
    });
    this.#exited = this.#listen();
  }

  /** Resolves when the process runs. @throws WireFault */
  static start(
    address: StdioAddress,
    maxBytes: number,
    events: WireEvents,
    hooks: ProcessHooks,
  ): Promise<ServerProcess> {
    return new Promise((resolve, reject) => {
      let child: ChildProcess;
      try {
        child = spawn(address.command, [...address.args], {
          detached: process.platform !== "win32",
          windowsHide: true,
          stdio: ["pipe", "pipe", "pipe"],
          env: childEnvironment(address.env),
          ...(address.cwd === undefined ? {} : { cwd: address.cwd }),
        });
      } catch (error) {
        reject(startFault(error as NodeJS.ErrnoException, address));
        return;
      }
      child.once("error", (error) => reject(startFault(error, address)));
      if (child.pid === undefined) return;
      // In the same turn in which it was started: nothing may come between that and its being watched.
      guardGroup(child.pid);
      resolve(new ServerProcess(child, address, maxBytes, events, hooks));
    });
  }

  get unsentBytes(): number {
    return this.#child.stdin?.writableLength ?? 0;
  }

  send(text: Buffer): Promise<Refused | undefined> | undefined {
    const { stdin } = this.#child;
    // Its last words may still come, but it reads no more: what comes now did not run. Of one that never answered, the end itself has more to say.
    if (this.#hasExited && this.#answers > 0) {
      const cause = new WireFault("SERVER_PROCESS_EXITED", "It had ended before the message came.");
      return Promise.resolve({ kind: "lost", sent: "nothing", cause });
    }
    if (stdin === null || !stdin.writable) return undefined;
    stdin.cork();
    stdin.write(oneLine(text));
    const hasRoom = stdin.write("\n");
    stdin.uncork();
    if (hasRoom) return undefined;
    this.#room ??= new Promise((resolve) => {
      const go = (): void => {
        stdin.off("drain", go).off("close", go);
        this.#room = undefined;
        resolve(undefined);
      };
      stdin.on("drain", go).on("close", go);
    });
    return this.#room;
  }

  pause(): void {
    this.#child.stdout?.pause();
  }

  resume(): void {
    this.#child.stdout?.resume();
  }

  close(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #listen(): Promise<void> {
    const { stdin, stdout, stderr } = this.#child;
    stdout?.on("data", (chunk: Buffer) => this.#framer.push(chunk));
    stderr?.on("data", (chunk: Buffer) => this.#stderr.push(chunk));
    stdin?.on("error", () => {});
    stdout?.once("end", () => this.#deaf("It closed its standard output."));
    stdin?.once("close", () => this.#deaf("It closed its standard input."));
    const closed = new Promise<void>((resolve) => this.#child.once("close", () => resolve()));
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
      this.#child.once("exit", (...how) => resolve(how)),
    );
    await within(closed, lastWordsMs);
    this.#framer.end();
    this.#stderr.end();
    this.#tellOver(this.#exitFault(code, signal));
    void this.close();
  }

  /** A process that lives on without one of its pipes serves nobody. */
  #deaf(detail: string): void {
    setTimeout(() => {
      // It has ended as a whole, which is told elsewhere.
      if (this.#hasExited) return;
      this.#tellOver(new WireFault("SERVER_PROCESS_EXITED", detail));
      void this.close();
    }, lastWordsMs).unref();
  }

  #tellOver(fault: WireFault): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const byItself = this.#ending === undefined ? fault : undefined;
    this.#hooks.over(this.#answers, byItself);
    this.#events.closed(fault);
  }

  #exitFault(code: number | null, signal: NodeJS.Signals | null): WireFault {
    const { silence } = this;
    if (silence !== undefined) return silence;
    const how = code === null ? `It was ended by ${signal}.` : `It ended with code ${code}.`;
    const words =
      this.#stderr.last === ""
        ? ""
        : ` The last that it wrote to standard error: ${JSON.stringify(this.#stderr.last)}.`;
    return new WireFault("SERVER_PROCESS_EXITED", `${how}${words}`);
  }

  /** Nothing but noise came, which is why nothing was answered. */
  get silence(): WireFault | undefined {
    if (this.#answers > 0 || this.#noise === "") return undefined;
    return new WireFault("SERVER_SPEAKS_NO_MCP", `It begins with ${JSON.stringify(this.#noise)}.`, true);
  }

  #message(text: Buffer, envelope: Parameters<WireEvents["message"]>[1]): void {
    if (this.#isOver) return;
    if (envelope.kind === "result" || envelope.kind === "error") this.#answers += 1;
    this.#events.message(text, envelope);
  }

  #noiseLine(head: string): void {
    this.#noiseLines += 1;
    if (this.#noise === "") this.#noise = this.#hide(head).slice(0, 100);
    // Once per power of ten: a server that floods must not flood the log.
    if (/^10*$/.test(String(this.#noiseLines)))
      this.#hooks.tell("warn", "server stdout is no MCP", { pid: this.#child.pid ?? 0, lines: this.#noiseLines });
  }

  async #end(): Promise<void> {
    const { pid = 0, stdin, stdout, stderr } = this.#child;
    // What it still says goes to nobody, and must not keep it from ending.
    stdout?.resume();
    stdin?.end();
    if (!(await within(this.#gone(), closeGraceMs))) {
      signalGroup(pid, "SIGTERM");
      if (!(await this.#groupGone())) {
        this.#hooks.tell("warn", "server ignores SIGTERM and is killed", { pid });
        signalGroup(pid, "SIGKILL");
      }
    }
    await this.#gone();
    // What the process started itself may live on in its group.
    if (signalGroup(pid, "SIGTERM") && !(await this.#groupGone())) signalGroup(pid, "SIGKILL");
    releaseGroup(pid);
    for (const pipe of [stdin, stdout, stderr]) pipe?.destroy();
  }

  get #hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #gone(): Promise<void> {
    return this.#hasExited ? Promise.resolve() : this.#exited;
  }

  /** False if something of the group is left when the time is up. */
  async #groupGone(): Promise<boolean> {
    const { pid = 0 } = this.#child;
    for (let waitedMs = 0; signalGroup(pid, 0); waitedMs += pollMs) {
      if (waitedMs >= termGraceMs) return false;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    return true;
  }
}

/** Line breaks stand only between the tokens of a JSON text, where a space means the same. */
function oneLine(text: Buffer): Buffer {
  if (!text.includes(0x0a) && !text.includes(0x0d)) return text;
  return Buffer.from(text.map((byte) => (byte === 0x0a || byte === 0x0d ? 0x20 : byte)));
}

function startFault({ code = "unknown reason" }: NodeJS.ErrnoException, { cwd }: StdioAddress): WireFault {
  if (cwd !== undefined && statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true)
    return new WireFault("SERVER_DIRECTORY_NOT_FOUND", "", true);
  if (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR")
    return new WireFault("SERVER_COMMAND_NOT_FOUND", `The system says ${code}.`, true);
  return new WireFault("SERVER_NOT_STARTED", `The system says ${code}.`);
}

/** True if the work was done within that time. */
async function within(work: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  const inTime = await Promise.race([work.then(() => true as const), limit]);
  clearTimeout(timer);
  return inTime;
}
