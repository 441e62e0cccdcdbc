// The formats of a line: one record in, one line out. Their only memory is of what they wrote last; they expect fields that are already clean, but for those of a request in JSON.
import { cleanText, type Fields, maxFieldLength, roundedMs } from "./clean-fields.ts";
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

/** Text that is clean and needs no escape in JSON, as nearly every field is. */
const plainText = new RegExp(`^[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]{0,${maxFieldLength}}$`);

/** As it stands between the quotes of a JSON string. */
function inQuotes(text: string): string {
  return plainText.test(text) ? text : JSON.stringify(cleanText(text)).slice(1, -1);
}

/**
 * As `jsonLine`, cleaned and put together in one go because there is one for every request. Words of our own, and the verbs that Node's parser
 * knows, need no look.
 */
export function jsonRequestLine(time: string, message: string, r: RequestRecord): string {
  return (
    `{"level":"info","time":"${time}","user_id":"${inQuotes(r.user_id)}","session_id":"${inQuotes(r.session_id)}",` +
    `"http_method":"${r.http_method}","jsonrpc_method":"${inQuotes(r.jsonrpc_method)}","jsonrpc_id":"${inQuotes(r.jsonrpc_id)}",` +
    `"body_len":${r.body_len},"status":${r.status},"elapsed_ms":${roundedMs(r.elapsed_ms)},${circumstances(r)},"request_id":"${r.request_id}","msg":"${message}"}\n`
  );
}

let last: Pick<RequestRecord, "connector" | "era_pair" | "recovery" | "error_code"> | undefined;
let lastText = "";

/** What nearly every line has in common with the one before. */
function circumstances(r: RequestRecord): string {
  const { connector, era_pair, recovery, error_code } = r;
  const isSame =
    connector === last?.connector &&
    era_pair === last.era_pair &&
    recovery === last.recovery &&
    error_code === last.error_code;
  if (isSame) return lastText;
  last = { connector, era_pair, recovery, error_code };
  lastText = `"connector":"${inQuotes(connector)}","era_pair":"${era_pair}","recovery":"${recovery}","error_code":"${error_code}"`;
  return lastText;
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
