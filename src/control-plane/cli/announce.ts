// What a person reads at start: the URL and the line to paste. Nothing here is read by programs but the first line.

/** The first line is fixed: `MCP endpoint: URL`. */
export function bridgeText({ url, connector, others }: Announced, token: string | undefined): string {
  const header = token === undefined ? "" : ' --header "Authorization: Bearer $HOLDFAST_TOKEN"';
  const old = others === undefined ? "" : `HTTP+SSE:     ${others.sse}\nWebSocket:    ${others.webSocket}\n`;
  return `MCP endpoint: ${url}\n${old}Claude Code:  claude mcp add --transport http ${slug(connector)} ${url}${header}\n`;
}

export interface Announced {
  readonly url: string;
  readonly connector: string;
  readonly others: { readonly sse: string; readonly webSocket: string } | undefined;
}

/** What stands behind, once its transport is known; `name` shows a host or a program, never a path. */
export function serverText(wire: string, name: string): string {
  return `Server:       ${wire === "stdio" ? `${name} on stdio` : `${wire} at ${name}`}\n`;
}

export function demoText(url: string, chaosUrl: string, controlUrl: string, token: string | undefined): string {
  const authorization = token === undefined ? "" : ' -H "authorization: Bearer $HOLDFAST_TOKEN"';
  const post = `${url}${authorization} -H 'content-type: application/json'`;
  return `${bridgeText({ url, connector: "holdfast-demo", others: undefined }, token)}
Behind it stands a small faulty server (${chaosUrl}). Keep this running, and in another terminal:

  1. Call a tool through Holdfast with any MCP client, or with curl (npm start prints the log of each request here):
       curl -sD head ${post} -d '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"curl","version":"1"}}}'
       SESSION=$(grep -i '^mcp-session-id:' head | tr -d '\\r' | cut -d' ' -f2)
       curl -s ${post} -H "mcp-session-id: $SESSION" -d '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"}}}'
  2. Make the server forget every session, as a restart would:
       curl -s ${controlUrl} -H 'content-type: application/json' -d '{"do":"forget","as":"404-json"}'
  3. Send the call of step 1 again, with the same $SESSION. It is answered; the log below shows the session restored.

Other faults: "400-supergateway" or "404-text" instead of "404-json"; {"do":"refuse","ms":1500} is a restart of 1.5 s.
Stop with Ctrl-C.
`;
}

/** A name that every client's configuration accepts. */
function slug(name: string): string {
  return (
    name
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-|-$/g, "") || "holdfast"
  );
}
