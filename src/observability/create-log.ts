// Makes the log: cleans every record, gives it the chosen format and hands it to the destination. Sees no message body and no header.
import { isatty } from "node:tty";
import { pino } from "pino";
import { cleanFields, cleanRequest, cleanText, type Fields } from "./clean-fields.ts";
import { openDestination } from "./destination.ts";
import { jsonRequestLine, logfmtLine, prettyLine, wantsColour } from "./line-formats.ts";
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
  const write = format === "json" ? jsonWriter(target.write) : textWriter(target.write, format, colour);
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
      const clean = cleanRequest(record);
      if (format === "json") target.write(jsonRequestLine(isoNow(), requestMessage, clean));
      else put("info", requestMessage, clean);
    },
    event: (level, message, fields = {}) => put(level, cleanText(message), cleanFields(fields)),
    close: () => (closed ??= target.close()),
  };
}

function jsonWriter(write: (line: string) => void): WriteEntry {
  const logger = pino(
    {
      base: null,
      timestamp: () => `,"time":"${isoNow()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
  return (level, message, fields) => logger[level](fields, message);
}

function textWriter(write: (line: string) => void, format: Exclude<LogFormat, "json">, colour: boolean): WriteEntry {
  return (level, message, fields) => {
    const entry = { time: isoNow(), level, message, fields };
    write(format === "logfmt" ? logfmtLine(entry) : prettyLine(entry, colour));
  };
}

let stampMs = 0;
let stamp = "";

/** Formatting a date costs as much as the rest of a line, and many lines share a millisecond. */
function isoNow(): string {
  const nowMs = Date.now();
  if (nowMs !== stampMs) {
    stampMs = nowMs;
    stamp = new Date(nowMs).toISOString();
  }
  return stamp;
}
