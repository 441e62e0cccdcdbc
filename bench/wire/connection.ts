// One keep-alive connection to an MCP endpoint, on a raw socket, one exchange at a time. Builds requests, judges nothing.
import { connect } from "node:net";
import { headerOf, readMessages } from "./http-messages.ts";

export interface Endpoint {
  readonly port: number;
  readonly path: string;
}

export interface Answer {
  readonly status: number;
  readonly sessionId: string | undefined;
}

export interface Listener {
  head?(answer: Answer): void;
  data?(chunk: Buffer): void;
  end(): void;
  fail(reason: string): void;
}

export interface Connection {
  /** Sends one request; the listener hears its answer. Only when the last exchange has ended. */
  exchange(request: string, listener: Listener): void;
  close(): void;
}

export const protocolVersion = "2025-11-25";

export function buildPost(endpoint: Endpoint, body: string, sessionId?: string): string {
  const session =
    sessionId === undefined ? "" : `Mcp-Session-Id: ${sessionId}\r\nMcp-Protocol-Version: ${protocolVersion}\r\n`;
  return (
    `POST ${endpoint.path} HTTP/1.1\r\nHost: 127.0.0.1:${endpoint.port}\r\n` +
    `Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n${session}` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

export const modernVersion = "2026-07-28";

export function buildModernPost(endpoint: Endpoint, method: string, name: string, body: string): string {
  return (
    `POST ${endpoint.path} HTTP/1.1\r\nHost: 127.0.0.1:${endpoint.port}\r\n` +
    `Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n` +
    `Mcp-Protocol-Version: ${modernVersion}\r\nMcp-Method: ${method}\r\nMcp-Name: ${name}\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

export function buildStream(endpoint: Endpoint, sessionId: string): string {
  return (
    `GET ${endpoint.path} HTTP/1.1\r\nHost: 127.0.0.1:${endpoint.port}\r\nAccept: text/event-stream\r\n` +
    `Mcp-Session-Id: ${sessionId}\r\nMcp-Protocol-Version: ${protocolVersion}\r\n\r\n`
  );
}

function answerOf(head: string): Answer {
  return { status: Number(head.slice(9, 12)), sessionId: headerOf(head, head.toLowerCase(), "mcp-session-id:") };
}

export function openConnection(port: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let listener: Listener | undefined;
    const fail = (reason: string) => {
      const current = listener;
      listener = undefined;
      current?.fail(reason);
    };
    const reader = readMessages("server", {
      head: (head) => listener?.head?.(answerOf(head)),
      data: (chunk) => listener?.data?.(chunk),
      end: () => {
        const current = listener;
        listener = undefined;
        current?.end();
      },
    });
    socket.on("data", (chunk) => reader.read(chunk));
    socket.on("close", () => {
      reader.close();
      fail("the connection was closed");
    });
    socket.on("error", (error) => {
      reject(error);
      fail(error.message);
    });
    socket.on("connect", () =>
      resolve({
        exchange: (request, next) => {
          if (listener !== undefined) throw new Error("the last exchange has not ended");
          listener = next;
          if (socket.destroyed) fail("the connection was closed before");
          else socket.write(request);
        },
        close: () => socket.destroy(),
      }),
    );
  });
}

/** The whole answer at once, for what is not timed. */
export function exchangeWhole(connection: Connection, request: string): Promise<Answer & { readonly body: string }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let answer: Answer = { status: 0, sessionId: undefined };
    connection.exchange(request, {
      head: (head) => {
        answer = head;
      },
      data: (chunk) => void chunks.push(chunk),
      end: () => resolve({ ...answer, body: Buffer.concat(chunks).toString() }),
      fail: (reason) => reject(new Error(reason)),
    });
  });
}
