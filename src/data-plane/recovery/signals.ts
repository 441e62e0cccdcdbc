// The words by which servers refuse a session: a closed list, each with who says it (versions as read in November 2026). Words only; classify.ts
// decides when they count, and docs/recovery.md shows the list.

/** One way to say it. */
export interface Signal {
  readonly pattern: RegExp;
  /** As a server writes it. */
  readonly text: string;
  readonly who: string;
}

export interface Signals {
  /** In which answer the words count, and for what. */
  readonly when: string;
  readonly words: readonly Signal[];
  /** Whose words count here as well. */
  readonly also?: readonly Signals[];
}

/** Also the only sign that a server without session ids can give. */
export const notInitialized: Signals = {
  when: "the server holds no handshake for what it was sent",
  words: [
    {
      pattern: /\b(?:server|session)\b.{0,12}\bnot (?:yet )?initialized/is,
      text: "Bad Request: Server not initialized",
      who: "TypeScript SDK 1.x and 2.x, server-everything, Playwright, anubis-mcp (in a 200); Swift SDK: Session not initialized",
    },
    {
      pattern: /invalid during session initialization/i,
      text: 'method "tools/list" is invalid during session initialization',
      who: "Go SDK 1.7",
    },
    {
      pattern: /before initialization/i,
      text: "Received request before initialization was complete",
      who: "Python SDK 1.x",
    },
  ],
};

export const tooEarly: Signals = {
  when: "200, 400 or 422 to a replay that may have overtaken notifications/initialized",
  words: [
    {
      pattern: /^not (?:yet )?initialized/i,
      text: "Not initialized",
      who: "anubis-mcp, gateways that shorten it",
    },
    {
      pattern: /expect(?:ed)? initialized notification/i,
      text: "expect initialized notification",
      who: "rmcp 1.x to 3.x",
    },
  ],
  also: [notInitialized],
};

export const genericRefusal: Signals = {
  when: "-32602 from a session that has not finished its handshake; bad parameters are refused alike, so a ping or the handshake's order must confirm it",
  words: [{ pattern: /^invalid request parameters$/i, text: "Invalid request parameters", who: "Python SDK 1.x" }],
};

export const goneWith400: Signals = {
  when: "400 to an id that had served",
  words: [
    {
      pattern: /no valid session/i,
      text: "Bad Request: No valid session ID provided",
      who: "server-everything 2026.8, supergateway 3.4.3, mcphub to 0.9.8, affine 3.2.2, Python SDK 1.9 to 1.25 (plain text)",
    },
    {
      pattern: /invalid (?:or missing )?session/i,
      text: "Invalid or missing session ID",
      who: "supergateway 3.4.3 to GET; Envoy AI gateway: invalid session ID: ...; remnote",
    },
    {
      pattern: /session (?:not found|has been terminated|(?:has )?expired)/i,
      text: "Session not found",
      who: "servers that use 400 for what others answer with 404",
    },
  ],
  also: [notInitialized],
};

export const goneWith404: Signals = {
  when: "404 to an id that had served",
  words: [
    {
      pattern: /session.{0,40}?(?:not found|unknown|expired|terminated|invalid|closing|timed out|inactivity)/is,
      text: "Session not found",
      who: "TypeScript, Python, C#, Java, Kotlin, Ruby and PHP SDK, rmcp, mcp-proxy, metamcp, n8n; Go SDK: session is closing; mcp-go: Session terminated",
    },
    {
      pattern: /(?:could not find|unknown|expired|terminated|invalid) (?:mcp[- ])?session/i,
      text: "Invalid or expired session ID",
      who: "Swift SDK 0.12; Python SDK (SSE): Could not find session; onyx (in a 200): missing or invalid Mcp-Session-Id",
    },
  ],
  also: [goneWith400],
};

/** On a first GET stream a 404 mostly means "no stream here", so only a text that says this and nothing else counts. */
export const goneAndNothingElse: Signals = {
  when: "400 or 404 to the first GET stream, 502 or 503 without JSON-RPC: the whole text must be this",
  words: [
    {
      pattern:
        /^\s*(?:(?:bad request|not found|unauthorized): )?(?:session not found|no valid session id provided|invalid or missing session id|invalid session id|session (?:has been )?terminated|could not find session)\.?\s*$/i,
      text: "Session not found",
      who: "the servers above",
    },
  ],
};

export const goneWith401: Signals = {
  when: "401 without a WWW-Authenticate challenge; a fresh initialize must confirm it",
  words: [
    { pattern: /session not found/i, text: "Unauthorized: Session not found", who: "rmcp 0.3 to 0.16" },
    { pattern: /invalid session/i, text: "invalid session", who: "Kuadrant mcp-gateway" },
  ],
};

export const likelyWith400: Signals = {
  when: "400 to an id that was sent; a fresh initialize must confirm it",
  words: [
    {
      pattern: /not supported in stateless mode/i,
      text: "The Mcp-Session-Id header is not supported in stateless mode",
      who: "C# SDK 2.2 after a change to stateless mode",
    },
    { pattern: /^no active transport/i, text: "No active transport", who: "mcp-proxy 6.7 (SSE)" },
  ],
};

export const likelyWith422: Signals = {
  when: "422 to an id that was sent: to a server that knows it this cannot be the first message",
  words: [
    {
      pattern: /expect initialize request/i,
      text: "Unexpected message, expect initialize request",
      who: "rmcp 0.17 to 3.x",
    },
  ],
};

export const likelyWith500: Signals = {
  when: "500 in the moment of an idle reap; a fresh initialize must confirm it",
  words: [
    {
      pattern: /encounter(?:ed)? an error when get(?:ting)? session/i,
      text: "Encounter an error when get session: channel closed",
      who: "rmcp 1.x to 3.x",
    },
  ],
};

export const goneWith503: Signals = {
  when: "503 to an id that had served",
  words: [
    {
      pattern: /no active sse connection for session/i,
      text: "No active SSE connection for session ...",
      who: "supergateway 3.4.3 and 4.0.0 (SSE)",
    },
  ],
};

export const doubtfulContent: Signals = {
  when: "-32600 for a 404 of the server behind a connector proxy; a ping must confirm it",
  words: [
    {
      pattern: /invalid content from server/i,
      text: "Anthropic Proxy: Invalid content from server",
      who: "Anthropic's connector proxy",
    },
  ],
};

export const endedWhileRunning: Signals = {
  when: "500 to a request that was running when its session ended: a broken connection, told in words",
  words: [
    {
      pattern: /session terminated before the request completed/i,
      text: "Session terminated before the request completed",
      who: "Python SDK 2.x (JSON answers)",
    },
  ],
};

export const objectAway: Signals = {
  when: "500 with -32001: what holds the session is away",
  words: [
    {
      pattern: /failed to establish websocket connection/i,
      text: "Failed to establish WebSocket connection",
      who: "Cloudflare agents",
    },
  ],
};

export const unsupportedVersion: Signals = {
  when: "400: the protocol version of the session is no longer spoken",
  words: [
    {
      pattern: /^(?:bad request: )?unsupported protocol version/i,
      text: "Bad Request: Unsupported protocol version: ...",
      who: "TypeScript SDK",
    },
    {
      pattern: /mcp-protocol-version header value .{0,60}? not supported/is,
      text: "The MCP-Protocol-Version header value '...' is not supported",
      who: "C# SDK",
    },
  ],
};

export const alreadyInitialized: Signals = {
  when: "any answer to the fresh initialize: the server serves one client in its life and cannot be brought back",
  words: [
    {
      pattern: /(?:server|session)(?: is)? already initialized/i,
      text: "Invalid Request: Server already initialized",
      who: "TypeScript SDK, servers with a single transport",
    },
  ],
};

/** The whole list, in the order of the page. */
export const allSignals: readonly Signals[] = [
  goneWith404,
  goneWith400,
  notInitialized,
  goneAndNothingElse,
  goneWith401,
  goneWith503,
  likelyWith400,
  likelyWith422,
  likelyWith500,
  doubtfulContent,
  genericRefusal,
  tooEarly,
  endedWhileRunning,
  objectAway,
  unsupportedVersion,
  alreadyInitialized,
];

export function matches(signals: Signals, text: string): boolean {
  return (
    signals.words.some(({ pattern }) => pattern.test(text)) ||
    (signals.also?.some((others) => matches(others, text)) ?? false)
  );
}
