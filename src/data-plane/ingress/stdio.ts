// The process itself as the MCP server of its client: one message a line on standard input and output, and nothing else ever on the latter.
import type { Readable, Writable } from "node:stream";
import { type ErrorCode, ProxyError, toJsonRpcError } from "../../errors/index.ts";
import { LineFramer } from "../transport/index.ts";
import { MessageClient, type MessageEndpoint } from "./message-client.ts";
import { Drains, type MessageWire, mostHeldBytes } from "./message-wire.ts";

export class StdioClient {
  /** Settles when the client has closed its end and has every answer, or left. */
  readonly ended: Promise<void>;
  readonly #client: MessageClient;
  readonly #wire: StdioWire;

  constructor(endpoint: MessageEndpoint, input: Readable, output: Writable) {
    const wire = new StdioWire(input, output);
    const client = new MessageClient(endpoint, wire, "none");
    const framer = new LineFramer(endpoint.limits.maxBodyBytes, {
      message: (text, scanned) => answering(wire, () => client.receive(text, scanned)),
      tooLarge: ({ kind, id }) => {
        const note = `The limit is ${endpoint.limits.maxBodyBytes} bytes.`;
        wire.tell(new ProxyError("BODY_TOO_LARGE", { note }), kind === "request" ? id : undefined);
      },
      noise: () => wire.tell(new ProxyError("MALFORMED_JSON", { note: "A line is one JSON-RPC message." }), undefined),
    });
    input.on("data", (chunk: Buffer) => framer.push(chunk));
    const over = (): void => {
      framer.end();
      client.finish();
    };
    input.on("end", over);
    input.on("error", over);
    this.#client = client;
    this.#wire = wire;
    this.ended = wire.ended;
  }

  /** Why the client never got a session, if it asked for one. */
  get failure(): ErrorCode | undefined {
    return this.#client.failure;
  }

  /** Takes no more messages; `ended` settles when what came is answered. */
  finish(): void {
    this.#wire.stopReading();
    this.#client.finish();
  }

  /** Ends the session on both sides. */
  async close(): Promise<void> {
    this.#wire.leave();
    await this.#client.close();
  }
}

class StdioWire implements MessageWire {
  readonly name = "STDIO";
  gone = false;
  readonly ended: Promise<void>;
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #drains = new Drains();
  #end: () => void = () => {};

  constructor(input: Readable, output: Writable) {
    this.#input = input;
    this.#output = output;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    output.on("drain", () => this.#drains.release());
    // The client has closed the end that it reads from, which is how some leave.
    output.on("error", () => this.leave());
  }

  send(json: Buffer): boolean {
    if (this.gone) return true;
    this.#output.cork();
    this.#output.write(onOneLine(json));
    const flows = this.#output.write("\n");
    this.#output.uncork();
    return flows;
  }

  /** An error of ours that answers a request, or nobody's. */
  tell(error: ProxyError, id: string | undefined): void {
    this.send(Buffer.from(toJsonRpcError(error, id)));
  }

  onDrain(listener: () => void): void {
    if (this.gone) listener();
    else this.#drains.add(listener);
  }

  holds(bytes: number): void {
    if (bytes > mostHeldBytes) this.#input.pause();
    else if (this.#input.isPaused()) this.#input.resume();
  }

  stopReading(): void {
    this.#input.removeAllListeners("data").removeAllListeners("end").resume();
  }

  /** Resolves `ended` once the client has been handed everything. */
  end(): void {
    if (this.gone || this.#output.writableLength === 0) this.#end();
    else this.#output.write("", () => this.#end());
  }

  leave(): void {
    this.gone = true;
    this.#drains.release();
    this.#end();
  }
}

function answering(wire: StdioWire, receive: () => void): void {
  try {
    receive();
  } catch (error) {
    wire.tell(ProxyError.from(error), undefined);
  }
}

/** A JSON text may hold line breaks between its parts, never within a string; here a line is a message. */
function onOneLine(json: Buffer): Buffer {
  if (!json.includes(0x0a) && !json.includes(0x0d)) return json;
  return Buffer.from(json.toString("latin1").replaceAll(/[\r\n]/g, " "), "latin1");
}
