// One HTTP exchange with the proxy on a connection of its own, and what became of it. Never throws: a broken connection is an outcome.
import { request as httpRequest } from "node:http";

export interface Answer {
  readonly id?: unknown;
  readonly method?: string;
  readonly result?: { readonly content?: readonly { readonly text?: string }[] };
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly code?: string; readonly executed?: string };
  };
}

export type Outcome =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly sessionId: string | undefined;
      readonly answers: readonly Answer[];
    }
  /** The connection ended before the answer did. */
  | { readonly kind: "closed" };

export interface OneExchange {
  readonly outcome: Promise<Outcome>;
  /** The client leaves. */
  leave(): void;
}

export interface Asked {
  readonly httpMethod: "POST" | "GET" | "DELETE";
  readonly sessionId?: string | undefined;
  readonly message?: { readonly id?: number; readonly method: string; readonly params?: object } | undefined;
}

export function exchange(url: string, { httpMethod, sessionId, message }: Asked): OneExchange {
  const headers: Record<string, string> = { accept: "application/json, text/event-stream" };
  if (sessionId !== undefined)
    Object.assign(headers, { "mcp-session-id": sessionId, "mcp-protocol-version": "2025-11-25" });
  const body = message === undefined ? undefined : JSON.stringify({ jsonrpc: "2.0", ...message });
  if (body !== undefined)
    Object.assign(headers, { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) });
  const sent = httpRequest(url, { method: httpMethod, headers, agent: false });
  const outcome = new Promise<Outcome>((resolve) => {
    sent.on("error", () => resolve({ kind: "closed" }));
    sent.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => resolve({ kind: "closed" }));
      response.on("end", () => {
        const id = response.headers["mcp-session-id"];
        resolve({
          kind: "answered",
          status: response.statusCode ?? 0,
          sessionId: typeof id === "string" ? id : undefined,
          answers: answersIn(response.headers["content-type"] ?? "", Buffer.concat(chunks).toString()),
        });
      });
    });
  });
  sent.end(body);
  return { outcome, leave: () => sent.destroy() };
}

function answersIn(contentType: string, text: string): readonly Answer[] {
  const isStream = contentType.startsWith("text/event-stream");
  const messages = isStream
    ? [...text.matchAll(/^data: (.+)$/gm)].map(([, data = ""]) => data)
    : text === ""
      ? []
      : [text];
  return messages.map((each): Answer => JSON.parse(each)).filter(({ method }) => method === undefined);
}
