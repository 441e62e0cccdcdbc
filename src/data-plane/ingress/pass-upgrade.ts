// Front mode, a client that wants to go over to WebSocket: the server has the word, and what follows passes both ways as it is. Reads no frame, so it can restore no session.
import type { IncomingMessage } from "node:http";
import type { LookupFunction, Socket } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import { ProxyError } from "../../errors/index.ts";
import { hopByHop } from "../../protocol/index.ts";
import { type Connector, connectFault, isGatewayAway } from "../session/index.ts";
import { askUpgrade, type UpgradeReply } from "../transport/index.ts";
import { type Forwarding, passThroughHeaders } from "./forward-headers.ts";
import type { ExchangeNotes } from "./request-record.ts";
import { refuseOnSocket } from "./upgrade.ts";

/** A side that is closed by its own end waits so long for the other's last words. */
const lastWordsMs = 5_000;
/** A dead peer is noticed by the system. */
const keepAliveMs = 60_000;
/** What nginx made common for a client that left before there was an answer. */
const clientLeft = 499;

export interface UpgradePassageOptions {
  readonly connector: Connector;
  readonly forwarding: Forwarding;
  readonly url: URL;
  readonly lookup: LookupFunction | undefined;
  /** Most connections at a time. */
  readonly most: number;
}

type Answered = Exclude<UpgradeReply, { readonly kind: "lost" }>;

export class UpgradePassage {
  readonly #options: UpgradePassageOptions;
  #open = 0;

  constructor(options: UpgradePassageOptions) {
    this.#options = options;
  }

  /** Takes a connection whose upgrade was admitted. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, notes: ExchangeNotes): void {
    const refuse = (error: ProxyError): void => {
      notes.outcome.errorCode = error.code;
      refuseOnSocket(socket, error.code, notes.requestId);
    };
    const { connector, most } = this.#options;
    if (this.#open >= most) return refuse(new ProxyError("TOO_MANY_SESSIONS", { connector: connector.settings.name }));
    this.#open += 1;
    const left = new AbortController();
    socket.once("close", () => {
      this.#open -= 1;
      left.abort();
    });
    notes.upgradeStatus = clientLeft;
    void this.#ask(request, left.signal).then(
      (reply) => {
        notes.upgradeStatus = reply.response.statusCode;
        if (left.signal.aborted) reply.response.destroy();
        else if (reply.kind === "answered") passAnswer(reply.response, socket);
        else join(reply, socket, head);
      },
      (error: unknown) => {
        if (!left.signal.aborted) refuse(ProxyError.from(error));
      },
    );
  }

  /** @throws ProxyError if no answer came */
  async #ask(request: IncomingMessage, signal: AbortSignal): Promise<Answered> {
    const { connector, forwarding, url, lookup } = this.#options;
    const { availability, nowMs, settings } = connector;
    const deadlineMs = nowMs() + settings.recoveryWindowMs;
    const headers = upgradeHeaders(request, forwarding);
    for (let inVain = 0; ; ) {
      const outcome = availability.away?.status === undefined ? await availability.up(deadlineMs, inVain++) : "up";
      if (outcome !== "up") throw new ProxyError(outcome.code, { connector: settings.name, note: outcome.detail });
      const asked = { url, path: request.url ?? "/", headers, timeoutMs: settings.recoveryWindowMs, lookup, signal };
      const reply = await askUpgrade(asked);
      if (reply.kind !== "lost") {
        if (!isGatewayAway(reply.response.statusCode ?? 0)) availability.answered();
        return reply;
      }
      if (signal.aborted) throw new ProxyError("REQUEST_CANCELLED", {});
      const note = reply.cause.message;
      if (reply.sent === "maybe") throw new ProxyError("OUTCOME_UNKNOWN", { connector: settings.name, note });
      const { code, detail } = connectFault(reply.cause);
      availability.failed(code, detail);
    }
  }
}

/** As of any request that passes, and the offer, which belongs to the connection. It has no body: what follows is the other protocol. */
function upgradeHeaders(request: IncomingMessage, forwarding: Forwarding): string[] {
  const passed = passThroughHeaders(request, forwarding);
  const headers: string[] = [];
  for (let index = 0; index < passed.length; index += 2) {
    const name = passed[index] as string;
    if (name.toLowerCase() !== "content-length") headers.push(name, passed[index + 1] as string);
  }
  return [...headers, "connection", "Upgrade", "upgrade", request.headers.upgrade ?? ""];
}

function headOf(response: IncomingMessage, isLeft: (name: string) => boolean, others = ""): Buffer {
  const { statusCode, statusMessage, rawHeaders } = response;
  let head = `HTTP/1.1 ${statusCode} ${statusMessage}\r\n`;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (!isLeft(name.toLowerCase())) head += `${name}: ${rawHeaders[index + 1]}\r\n`;
  }
  return Buffer.from(`${head}${others}\r\n`, "latin1");
}

/** The server stays with HTTP: its answer passes as of any request, and ends the connection. */
function passAnswer(response: IncomingMessage, socket: Duplex): void {
  socket.write(headOf(response, (name) => hopByHop.has(name), "connection: close\r\n"));
  pipeline(response, socket, () => socket.destroy());
}

/** From here on each side's bytes are the other's. */
function join(
  { response, socket: server, head: first }: Extract<Answered, { kind: "switched" }>,
  client: Duplex,
  head: Buffer,
): void {
  client.write(Buffer.concat([headOf(response, () => false), first]));
  if (head.length > 0) server.write(head);
  for (const side of [client, server]) {
    (side as Socket).setKeepAlive?.(true, keepAliveMs);
    (side as Socket).setNoDelay?.(true);
    side.once("end", () => setTimeout(() => destroyBoth(client, server), lastWordsMs).unref());
  }
  pipeline(client, server, (error) => error && destroyBoth(client, server));
  pipeline(server, client, (error) => error && destroyBoth(client, server));
}

function destroyBoth(...sides: readonly Duplex[]): void {
  for (const side of sides) side.destroy();
}
