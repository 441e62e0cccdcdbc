// The server that the conformance suite runs against, as a process: `node fixture-server.ts [--port 0] [--era legacy|blunt|modern]`, or with `--stdio` on its standard input and output.
// Listens on the loopback only and refuses foreign Host and Origin headers; which era answers is an endpoint's matter.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";
import { localhostHostValidation, localhostOriginValidation } from "@modelcontextprotocol/node";
import { buildBluntServer, nameQuestions } from "./fixture/blunt-server.ts";
import { openLegacyEndpoint } from "./fixture/legacy-endpoint.ts";
import { buildMcpServer } from "./fixture/mcp-server.ts";
import { openModernEndpoint } from "./fixture/modern-endpoint.ts";
import { openStdioEndpoint } from "./fixture/stdio-endpoint.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    era: { type: "string", default: "legacy" },
    stdio: { type: "boolean", default: false },
  },
});
const isAllowedHost = localhostHostValidation();
const isAllowedOrigin = localhostOriginValidation();
const endpoints = {
  legacy: () => openLegacyEndpoint(buildMcpServer),
  blunt: () => openLegacyEndpoint(buildBluntServer, nameQuestions),
  modern: () => openModernEndpoint(buildMcpServer),
};
const isEra = (era: string): era is keyof typeof endpoints => Object.hasOwn(endpoints, era);
if (!isEra(values.era)) throw new Error(`unknown era ${values.era}`);
const endpoint = endpoints[values.era]();

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Both have answered the request when they say no.
  if (!isAllowedHost(request, response) || !isAllowedOrigin(request, response)) return;
  if (request.url !== "/mcp") {
    response.writeHead(404).end();
    return;
  }
  await endpoint.handle(request, response);
}

if (values.stdio) await openStdioEndpoint(values.era === "modern" ? "modern" : "legacy", buildMcpServer);
else listen();

function listen(): void {
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      response.destroy();
    });
  });
  server.listen(Number(values.port), "127.0.0.1", () => {
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    process.stdout.write(`listening on http://127.0.0.1:${port}/mcp\n`);
  });
}
