// supergateway's command line, so that moving over is changing one word: its flags as ours. What a flag has no use for here says so.
import { Option } from "commander";
import { ConfigError, type ServerAddress } from "../../config/index.ts";
import { type AddressFlags, readAddress } from "./server-address.ts";

export interface SupergatewayFlags {
  readonly stdio?: string;
  readonly sse?: string;
  readonly streamableHttp?: string;
  readonly outputTransport?: "stdio" | "sse" | "ws" | "streamableHttp";
  readonly stateful: boolean;
  readonly baseUrl: string;
  readonly ssePath: string;
  readonly messagePath: string;
  readonly streamableHttpPath: string;
  readonly oauth2Bearer?: string;
  readonly sessionTimeout?: number;
  readonly healthEndpoint: readonly string[];
  readonly cors?: true | readonly string[];
  readonly logLevel: "debug" | "info" | "none";
  readonly protocolVersion?: string;
}

/** Where supergateway listens unless it is told otherwise. */
export const supergatewayPort = 8000;

export function supergatewayOptions(): Option[] {
  const group = "supergateway's flags (docs/migrating.md):";
  const path = (text: string): string => {
    if (/^\/[\x21-\x7e]*$/.test(text) && !/[?#]/.test(text)) return text;
    throw new ConfigError("A path must begin with a slash and hold neither ? nor #.");
  };
  const options = [
    new Option("--stdio <command>", "the server's command as one text, run by a shell"),
    new Option(
      "--sse <url>",
      "a server that speaks HTTP+SSE; serves it on stdio unless --outputTransport says otherwise",
    ),
    new Option("--streamableHttp <url>", "as --sse, for a server that speaks Streamable HTTP"),
    new Option(
      "--outputTransport <name>",
      "the client's: stdio, or any of the others, which are served together",
    ).choices(["stdio", "sse", "ws", "streamableHttp"]),
    new Option("--stateful", "not needed: Holdfast always keeps sessions").default(false),
    new Option("--baseUrl <url>", "put before the path that HTTP+SSE clients post to").argParser(baseUrl).default(""),
    new Option("--ssePath <path>", "where HTTP+SSE clients connect").argParser(path).default("/sse"),
    new Option("--messagePath <path>", "where they post, and with --outputTransport ws where WebSocket clients connect")
      .argParser(path)
      .default("/message"),
    new Option("--streamableHttpPath <path>", "where Streamable HTTP clients connect").argParser(path).default("/mcp"),
    new Option("--oauth2Bearer <token>", "sent to the server as Authorization: Bearer"),
    new Option("--sessionTimeout <ms>", "as --idle-timeout, in milliseconds").argParser(milliseconds),
    new Option("--healthEndpoint <path...>", "one more path that answers ok")
      .argParser((text: string, before: readonly string[]) => [...before, path(text)])
      .default([]),
    new Option(
      "--cors [origins...]",
      "let pages of these origins call; /text/ is a regular expression, none means all",
    ),
    new Option("--logLevel <level>", "none is --quiet; debug tells no more than info")
      .choices(["debug", "info", "none"])
      .default("info"),
    new Option("--protocolVersion <version>", "not needed: clients initialize for themselves").hideHelp(),
  ];
  for (const option of options) option.helpGroup(group);
  return options;
}

/** The server that supergateway's flags name; undefined if they name none. @throws ConfigError */
export function supergatewayAddress(flags: SupergatewayFlags & AddressFlags): ServerAddress | undefined {
  const { stdio, sse, streamableHttp } = flags;
  if ([stdio, sse, streamableHttp].filter((given) => given !== undefined).length > 1)
    throw new ConfigError("Give one of --stdio, --sse and --streamableHttp.");
  if (sse !== undefined) return readAddress({ url: sse, command: undefined }, { ...flags, transport: "sse" });
  if (streamableHttp !== undefined)
    return readAddress({ url: streamableHttp, command: undefined }, { ...flags, transport: "http" });
  if (stdio === undefined) return undefined;
  const shell = process.platform === "win32" ? ["cmd.exe", "/d", "/s", "/c", stdio] : ["/bin/sh", "-c", stdio];
  return readAddress({ url: undefined, command: stdio.trim() === "" ? [] : shell }, flags);
}

/** A name for a server that a shell starts: the program's own, not the shell's. */
export function supergatewayName({ stdio }: SupergatewayFlags): string | undefined {
  return /([^\s"'/\\]+)["']?(?:\s|$)/.exec(stdio?.trim() ?? "")?.[1];
}

/** Whether the client is on our own standard input and output. */
export function isStdioSide(flags: SupergatewayFlags): boolean {
  const { outputTransport, sse, streamableHttp } = flags;
  return outputTransport === "stdio" || (outputTransport === undefined && (sse ?? streamableHttp) !== undefined);
}

function baseUrl(text: string): string {
  if (text === "" || URL.canParse(text)) return text.replace(/\/$/, "");
  throw new ConfigError("--baseUrl must be a URL, for example https://example.com/tools.");
}

function milliseconds(text: string): number {
  if (/^\d+$/.test(text) && Number(text) > 0) return Number(text);
  throw new ConfigError("--sessionTimeout must be a whole number of milliseconds above 0.");
}
