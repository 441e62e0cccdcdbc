// What a server's answer to initialize, to a list and to an unknown session means, in one sentence and with what to do. Pure.
import { catalog, type ErrorCode, printable } from "../../errors/index.ts";
import type { CallOutcome } from "../session/index.ts";
import type { Finding } from "./report.ts";

type Answered = Exclude<CallOutcome, { kind: "lost" }>;
type Lost = Extract<CallOutcome, { kind: "lost" }>;

const headLength = 300;

/** What the server is reached by; a command answers otherwise than a host. */
export interface Asked {
  readonly timedOut: boolean;
  readonly timeoutMs: number;
  readonly isCommand: boolean;
}

/** `wire`: the one that was found to be spoken. */
export function explainHttp(outcome: CallOutcome, asked: Asked, wire: string | undefined): Finding {
  if (outcome.kind === "lost") return explainLost(outcome, asked);
  const { status, contentType } = outcome.facts;
  const type = contentType === "" ? "no content type" : printable(contentType, 60);
  const by = wire === undefined || wire === "Streamable HTTP" ? "" : `, by ${wire}`;
  return { outcome: "ok", sentence: `The server answers with status ${status} (${type})${by}.`, status };
}

export function explainLost({ cause }: Lost, { timedOut, timeoutMs, isCommand }: Asked): Finding {
  const failed = (sentence: string, action: string): Finding => ({ outcome: "failed", sentence, action });
  const { code = "" } = cause as NodeJS.ErrnoException;
  if (timedOut && isCommand)
    return failed(
      `The command runs, but does not answer within ${seconds(timeoutMs)}.`,
      "Run the command in a terminal: it must speak MCP on its standard input and output, and write nothing else there.",
    );
  if (timedOut)
    return failed(
      `The connection is open, but there is no answer within ${seconds(timeoutMs)}.`,
      "Look at the server: it accepts connections and does not answer. A restart often helps.",
    );
  // What a wire says of itself is told in the catalogue's words.
  if (cause.name === "WireFault" && Object.hasOwn(catalog, code)) {
    const { summary, remedy } = catalog[code as ErrorCode];
    return failed([summary, printable(cause.message, 300)].filter((part) => part !== "").join(" "), remedy);
  }
  if (code === "ANSWER_NOT_HTTP")
    return failed("What answers does not speak HTTP.", "Check the port: another program listens there.");
  if (cause.name === "AnswerFault")
    return failed(
      printable(cause.message, 200),
      "Report it to the server's makers, or to whoever runs the gateway before it.",
    );
  return failed(
    `The connection is closed before an answer${code === "" ? "" : ` (${printable(code, 40)})`}.`,
    "Look at the server's own log: it closes the connection without an answer.",
  );
}

export function explainInitialize(outcome: Answered): Finding {
  const { status, body, contentType } = outcome.facts;
  const seen = { status, head: printable(body.slice(0, headLength), headLength) };
  const failed = (sentence: string, action: string): Finding => ({ outcome: "failed", sentence, action, ...seen });
  if (outcome.kind === "answer" && outcome.error === undefined) {
    const { serverInfo, protocolVersion } = (outcome.result ?? {}) as Readonly<Record<string, unknown>>;
    const { name, version } = (serverInfo ?? {}) as Readonly<Record<string, unknown>>;
    const who = [name, version].filter((part) => typeof part === "string").join(" ");
    const revision = typeof protocolVersion === "string" ? ` and speaks MCP ${printable(protocolVersion, 20)}` : "";
    return {
      outcome: "ok",
      sentence: `The server is ${printable(who === "" ? "unnamed" : who, 80)}${revision}.`,
      status,
    };
  }
  if (outcome.kind === "answer")
    return failed(
      `The server refuses it: ${errorText(outcome.error)}`,
      "Read the server's message; its log says more.",
    );
  if (outcome.facts.challenged || status === 401)
    return failed(`The server asks for sign-in (${status}).`, signInAction);
  if (status === 403)
    return failed(
      "The server forbids it (403).",
      "Check the rights of the token that is sent, and the server's list of allowed hosts.",
    );
  if (status === 404 || status === 405)
    return failed(
      `There is no MCP endpoint at this path (${status}).`,
      "Check the path of the URL; many servers use /mcp, older ones /sse.",
    );
  if (status === 502 || status === 503 || status === 504)
    return failed(
      `A gateway answers (${status}): the server behind it is away.`,
      "Start the server, or wait until it is back.",
    );
  if (status === 400 && /https port/i.test(body))
    return failed("This port speaks HTTPS and was asked in plain HTTP.", "Write https:// in the URL.");
  if (status < 300)
    return failed(
      `The answer is no MCP (${contentType === "" ? "no content type" : printable(contentType, 60)}).`,
      "Check the path of the URL: it leads to something else than an MCP endpoint.",
    );
  return failed(`The server refuses it with status ${status}.`, "Read what the server says; its log says more.");
}

const signInAction =
  "Give it a token, for example --header 'Authorization: Bearer ${TOKEN}'. In a hub, sign in with holdfast login NAME.";

/** `of` is what was listed: tools, prompts or resources. */
export function explainList(outcome: CallOutcome, of: string, asked: Asked): Finding {
  if (outcome.kind === "lost") return explainLost(outcome, asked);
  const { status, body } = outcome.facts;
  if (outcome.kind === "answer" && outcome.error === undefined) {
    const items = (outcome.result as Readonly<Record<string, unknown>> | null)?.[of];
    const count = Array.isArray(items) ? items.length : 0;
    return { outcome: "ok", sentence: `The server lists ${count} ${count === 1 ? of.slice(0, -1) : of}.`, status };
  }
  const says = outcome.kind === "answer" ? errorText(outcome.error) : `status ${status}.`;
  return {
    outcome: "failed",
    sentence: `The server initializes, but refuses to list its ${of}: ${says}`,
    action: "Look at the server's log: a session that it has just opened is refused or broken.",
    status,
    head: printable(body.slice(0, headLength), headLength),
  };
}

/** How this server refuses a session that it does not know: never a failure, but what a client without Holdfast would meet. */
export function explainBogus(outcome: CallOutcome, timedOut: boolean): Finding {
  if (outcome.kind === "lost")
    return {
      outcome: "ok",
      sentence: timedOut
        ? "A session that it does not know is not answered at all, which a client would wait for without end."
        : "A session that it does not know has its connection closed without an answer.",
      action: noAnswerAction,
    };
  const { status, body } = outcome.facts;
  const head = printable(body.slice(0, headLength), headLength);
  if (outcome.kind === "answer" && outcome.error === undefined)
    return { outcome: "ok", sentence: "A session that it does not know is served like any other.", status };
  const known = status === 404 ? ", as the specification says" : ", where the specification says 404";
  const how = status === 200 ? "an error inside a 200" : String(status);
  return { outcome: "ok", sentence: `A session that it does not know is refused with ${how}${known}.`, status, head };
}

const noAnswerAction = "Report it to the server's makers: the specification asks for 404.";

function errorText(error: unknown): string {
  const { code, message } = (error ?? {}) as Readonly<Record<string, unknown>>;
  const text = typeof message === "string" ? printable(message, 200) : "no message";
  return typeof code === "number" ? `${text} (${code})` : text;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
