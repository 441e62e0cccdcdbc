// Front mode, every path that is no MCP endpoint: an ordinary reverse proxy, so that the server's own OAuth, health checks and pages work unchanged.
import type { IncomingMessage, ServerResponse } from "node:http";
import { ProxyError } from "../../errors/index.ts";
import { answerError, clientHeaders } from "../relay/index.ts";
import { connectFault } from "../session/index.ts";
import type { Transport } from "../transport/index.ts";
import { HttpClientConnection } from "./client-connection.ts";
import { passThroughHeaders, type TrustedProxies } from "./forward-headers.ts";
import type { ExchangeNotes } from "./request-record.ts";

export async function passThrough(
  transport: Transport,
  proxies: TrustedProxies,
  connector: string,
  request: IncomingMessage,
  response: ServerResponse,
  notes: ExchangeNotes,
): Promise<void> {
  const connection = new HttpClientConnection(response);
  const hasBody = request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
  const verb = request.method ?? "GET";
  const headers = passThroughHeaders(request, proxies);
  const reply = await transport.sendTo(request.url ?? "/", {
    method: "GET",
    verb,
    headers,
    body: hasBody ? request : undefined,
  });
  if (reply.kind === "lost") {
    const { code, detail } = connectFault(reply.cause);
    const exchange = {
      httpMethod: "GET",
      connection,
      scanned: undefined,
      body: undefined,
      contentType: "",
      headers: [],
    } as const;
    const error = new ProxyError(reply.sent === "nothing" ? code : "UPSTREAM_CUT", { connector, note: detail });
    return answerError(
      {
        ...exchange,
        protocolVersion: undefined,
        lastEventId: undefined,
        requestId: notes.requestId,
        outcome: notes.outcome,
      },
      [],
      error,
    );
  }
  const length = reply.headers["content-length"];
  const passed = clientHeaders(reply.headers, true);
  connection.head(reply.status, length === undefined ? passed : [...passed, "content-length", String(length)]);
  connection.onGone(() => reply.body.abort());
  reply.body.pipe({
    data(chunk) {
      if (connection.write(chunk)) return true;
      connection.onDrain(() => reply.body.resume());
      return false;
    },
    end: () => connection.end(),
    cut: () => connection.destroy(),
  });
}
