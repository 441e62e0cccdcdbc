// Clients of the wires that carry whole messages: an HTTP+SSE stream with posts beside it, and a program's standard input and output.
import { startChild } from "../processes/child.ts";
import { buildPost, type Connection, type Endpoint, openConnection } from "../wire/connection.ts";
import type { WireQuestion } from "./service.ts";

export interface MessageWire extends AsyncDisposable {
  /** Of the program that was started for it. */
  readonly pid: number | undefined;
  /** Resolves when the message was taken. A lane carries one message at a time. */
  send(text: string, lane: number): Promise<void>;
  /** Nothing is sent for some time: connections that a server would close meanwhile are closed. */
  rest(): void;
}

type Heard = (text: string) => void;

export function openWire(question: WireQuestion, heard: Heard): Promise<MessageWire> {
  return question.kind === "sse" ? openSse(question.endpoint, heard) : openStdio(question, heard);
}

async function openStdio(
  { command, args, logFile }: Extract<WireQuestion, { kind: "stdio" }>,
  heard: Heard,
): Promise<MessageWire> {
  const child = await startChild(command, args, { core: 1, logFile, pipes: true });
  const { stdin, stdout } = child.process;
  if (stdin === null || stdout === null) throw new Error("it was started without pipes");
  const lines = readLines(heard);
  stdout.setEncoding("utf8").on("data", lines);
  stdin.on("error", () => undefined);
  return {
    pid: child.pid,
    send: (text) => {
      stdin.write(`${text}\n`);
      return Promise.resolve();
    },
    rest: () => undefined,
    [Symbol.asyncDispose]: () => child.end(),
  };
}

function readLines(heard: Heard): (text: string) => void {
  let rest = "";
  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) heard(line);
  };
}

async function openSse(endpoint: Endpoint, heard: Heard): Promise<MessageWire> {
  const stream = await openConnection(endpoint.port);
  const path = await new Promise<string>((resolve, reject) => {
    const event = (type: string, data: string): void => (type === "endpoint" ? resolve(pathOf(data)) : heard(data));
    const read = readEvents(event);
    stream.exchange(
      `GET ${endpoint.path} HTTP/1.1\r\nHost: 127.0.0.1:${endpoint.port}\r\nAccept: text/event-stream\r\n\r\n`,
      {
        data: (chunk) => read(chunk.toString()),
        end: () => reject(new Error("the stream ended")),
        fail: (reason) => reject(new Error(reason)),
      },
    );
  });
  const lanes = new Map<number, Connection>();
  const rest = (): void => {
    for (const connection of lanes.values()) connection.close();
    lanes.clear();
  };
  return {
    pid: undefined,
    async send(text, lane) {
      const connection = lanes.get(lane) ?? (await openConnection(endpoint.port));
      lanes.set(lane, connection);
      await post(connection, { port: endpoint.port, path }, text);
    },
    rest,
    async [Symbol.asyncDispose]() {
      rest();
      stream.close();
    },
  };
}

/** Servers name it with their origin or without. */
function pathOf(data: string): string {
  const { pathname, search } = new URL(data, "http://127.0.0.1");
  return pathname + search;
}

function post(connection: Connection, endpoint: Endpoint, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let status = 0;
    connection.exchange(buildPost(endpoint, text), {
      head: (answer) => {
        status = answer.status;
      },
      end: () => (status < 300 ? resolve() : reject(new Error(`a message was answered with ${status}`))),
      fail: (reason) => reject(new Error(reason)),
    });
  });
}

function readEvents(event: (type: string, data: string) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const blocks = (rest + text).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, "m").exec(block)?.[1];
      const data = field("data");
      if (data !== undefined) event(field("event") ?? "message", data);
    }
  };
}
