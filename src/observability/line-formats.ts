// The formats of a line: one record in, one line out. Pure; expects fields that are already clean.
import type { Fields } from "./clean-fields.ts";
import type { LogLevel, RequestRecord } from "./log.ts";

export interface Entry {
  /** ISO 8601 with milliseconds. */
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Fields;
}

export function jsonLine({ time, level, message, fields }: Entry): string {
  return `${JSON.stringify({ level, time, ...fields, msg: message })}\n`;
}

/** As `jsonLine`, put together by hand because there is one for every request. */
export function jsonRequestLine(time: string, message: string, r: RequestRecord): string {
  const text = JSON.stringify;
  return (
    `{"level":"info","time":"${time}","user_id":${text(r.user_id)},"session_id":"${r.session_id}",` +
    `"http_method":${text(r.http_method)},"jsonrpc_method":${text(r.jsonrpc_method)},"jsonrpc_id":${text(r.jsonrpc_id)},` +
    `"body_len":${r.body_len},"status":${r.status},"elapsed_ms":${r.elapsed_ms},"connector":${text(r.connector)},` +
    `"era_pair":"${r.era_pair}","recovery":${text(r.recovery)},"error_code":"${r.error_code}",` +
    `"request_id":"${r.request_id}","msg":"${message}"}\n`
  );
}

export function logfmtLine({ time, level, message, fields }: Entry): string {
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${logfmtValue(value)}`);
  return `time=${time} level=${level} msg=${logfmtValue(message)}${pairs.join("")}\n`;
}

function logfmtValue(value: string | number | boolean): string {
  const text = String(value);
  return /^[^\s"=\\]+$/.test(text) ? text : `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

const colours = { info: "32", warn: "33", error: "31", dim: "2" } as const;
type Paint = (text: string, colour: keyof typeof colours) => string;
const painted: Paint = (text, colour) => `\u001b[${colours[colour]}m${text}\u001b[0m`;
const plain: Paint = (text) => text;

/** "-" is what a field holds that says nothing; leaving it out keeps the line short. */
export function prettyLine({ time, level, message, fields }: Entry, colour: boolean): string {
  const paint = colour ? painted : plain;
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== "-" && value !== "")
    .map(([name, value]) => ` ${paint(`${name}=`, "dim")}${logfmtValue(value)}`);
  return `${paint(time.slice(11, 23), "dim")} ${paint(level.toUpperCase().padEnd(5), level)} ${message}${pairs.join("")}\n`;
}

/** https://no-color.org: any value but the empty one turns colour off. */
export function wantsColour(isTerminal: boolean, noColor: string | undefined): boolean {
  return isTerminal && (noColor === undefined || noColor === "");
}
