// Makes the log: cleans every record, gives it the chosen format and hands it to the destination. Sees no message body and no header.
import { isatty } from "node:tty";
import { cleanFields, cleanRequest, cleanText, type Fields } from "./clean-fields.ts";
import { openDestination } from "./destination.ts";
import { type Entry, jsonLine, jsonRequestLine, logfmtLine, prettyLine, wantsColour } from "./line-formats.ts";
import type { Log, LogFormat, LogLevel } from "./log.ts";

export interface LogOptions {
  readonly format: LogFormat;
  /** A file descriptor, or the path of a file to append to. */
  readonly destination: number | string;
  /** Warnings and errors only. */
  readonly quiet: boolean;
}

const requestMessage = "mcp request";

type WriteEntry = (level: LogLevel, message: string, fields: Fields) => void;

/** @throws Error when the destination is a path that cannot be opened. */
export function createLog({ format, destination, quiet }: LogOptions): Log {
  const target = openDestination(destination);
  const colour =
    format === "pretty" && typeof destination === "number" && wantsColour(isatty(destination), process.env["NO_COLOR"]);
  const write = entryWriter(target.write, format, colour);
  let closed: Promise<void> | undefined;

  const put: WriteEntry = (level, message, fields) => {
    if (closed !== undefined || (quiet && level === "info")) return;
    write(level, message, fields);
    const dropped = target.takeDropped();
    if (dropped > 0) write("warn", "log lines dropped", { count: dropped });
  };
  return {
    request(record) {
      if (quiet || closed !== undefined) return;
      if (format === "json") target.write(jsonRequestLine(isoNow(), requestMessage, record));
      else put("info", requestMessage, cleanRequest(record));
    },
    event: (level, message, fields = {}) => put(level, cleanText(message), cleanFields(fields)),
    close: () => (closed ??= target.close()),
  };
}

function entryWriter(write: (line: string) => void, format: LogFormat, colour: boolean): WriteEntry {
  const toLine = { json: jsonLine, logfmt: logfmtLine, pretty: (entry: Entry) => prettyLine(entry, colour) }[format];
  return (level, message, fields) => {
    write(toLine({ time: isoNow(), level, message, fields }));
  };
}

let secondMs = 0;
let second = "";
let lastMs = 0;
let last = "";

/** Formatting a date costs as much as the rest of a line, and many lines share a second, and some a millisecond. */
function isoNow(): string {
  const nowMs = Date.now();
  if (nowMs === lastMs) return last;
  const ms = nowMs % 1_000;
  if (nowMs - ms !== secondMs) {
    secondMs = nowMs - ms;
    second = new Date(secondMs).toISOString().slice(0, "2026-11-25T00:00:00.".length);
  }
  lastMs = nowMs;
  last = `${second}${ms < 10 ? "00" : ms < 100 ? "0" : ""}${ms}Z`;
  return last;
}
