// Servers of other stacks than JavaScript's, and of a browser: each is killed and comes back, and the client on Holdfast goes on with its session.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { sdk1 } from "../support/clients.ts";
import { startHoldfast } from "../support/holdfast.ts";
import { itWith } from "../support/parts.ts";
import { lastingPort, startChild, temporaryDirectory } from "../support/process.ts";
import { type Upstream, upstream } from "../support/upstreams.ts";
import { assertNeverStartedOver } from "./remembering.ts";

const require = createRequire(import.meta.url);
/** A program of a package, of which only the manifest may be asked for. */
const beside = (manifest: string, script: string) => join(dirname(manifest), script);

interface Call {
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly says: RegExp;
}

async function azure(): Promise<Upstream> {
  const port = await lastingPort();
  const args = ["server", "start", "--transport", "http", "--dangerously-disable-http-incoming-auth"];
  const env = { ASPNETCORE_URLS: `http://127.0.0.1:${port}`, AZURE_MCP_COLLECT_TELEMETRY: "false" };
  return upstream(`http://127.0.0.1:${port}/`, async () => {
    const child = await startChild(
      process.execPath,
      [beside(require.resolve("@azure/mcp/package.json"), "index.js"), ...args],
      { env },
    );
    await child.waitForLine(/Now listening on/, 60_000);
    return child;
  });
}

async function kubernetes(): Promise<Upstream> {
  const port = await lastingPort();
  const resources = new AsyncDisposableStack();
  const { path } = resources.use(await temporaryDirectory());
  const kubeconfig = join(path, "kube.yaml");
  await writeFile(
    kubeconfig,
    `apiVersion: v1
kind: Config
clusters: [{ name: nowhere, cluster: { server: "https://127.0.0.1:1" } }]
users: [{ name: nobody, user: {} }]
contexts: [{ name: held, context: { cluster: nowhere, user: nobody } }]
current-context: held
`,
  );
  const script = beside(require.resolve("kubernetes-mcp-server/package.json"), "bin/index.js");
  const args = ["--port", String(port), "--kubeconfig", kubeconfig, "--toolsets", "config"];
  return upstream(
    `http://127.0.0.1:${port}/mcp`,
    async () => {
      const child = await startChild(process.execPath, [script, ...args]);
      await child.waitForLine(/HTTP server starting/);
      return child;
    },
    resources,
  );
}

async function playwright(chromium: string): Promise<Upstream> {
  const port = await lastingPort();
  const resources = new AsyncDisposableStack();
  const { path: cwd } = resources.use(await temporaryDirectory());
  const args = ["--port", String(port), "--headless", "--isolated", "--no-sandbox", "--executable-path", chromium];
  return upstream(
    `http://localhost:${port}/mcp`,
    async () => {
      const child = await startChild(
        process.execPath,
        [beside(require.resolve("@playwright/mcp/package.json"), "cli.js"), ...args],
        { cwd },
      );
      await child.waitForLine(/Listening on/);
      return child;
    },
    resources,
  );
}

async function survivesRestart(server: Upstream, { tool, args, says }: Call, signal: NodeJS.Signals): Promise<void> {
  await using held = server;
  await using holdfast = await startHoldfast(held.url);
  await using client = await sdk1.connect(holdfast.url);
  assert.ok((await client.listTools()).includes(tool));
  assert.match(await client.callTool(tool, args), says);
  const restarted = new Date();
  await held.restart({ signal });
  assert.match(await client.callTool(tool, args), says);
  await assertNeverStartedOver(client, holdfast, restarted);
}

describe("a server that is restarted behind Holdfast", { timeout: 180_000 }, () => {
  it("@azure/mcp, built on the C# SDK, answers on the same session", async () => {
    const parameters = { resource: "general", action: "all" };
    const args = { intent: "advice", command: "get_azure_bestpractices_get", parameters };
    await survivesRestart(await azure(), { tool: "get_azure_bestpractices", args, says: /"status":200/ }, "SIGKILL");
  });

  it("kubernetes-mcp-server, built on the Go SDK, answers on the same session", async () => {
    const call = { tool: "configuration_view", args: { minified: false }, says: /current-context: held/ };
    await survivesRestart(await kubernetes(), call, "SIGKILL");
  });

  itWith(["chromium"], "@playwright/mcp opens pages on the same session, in a new browser", async ({ chromium }) => {
    const args = { url: "data:text/html,<h1>held</h1>" };
    // So that it ends its browser, which is in a process group of its own.
    await survivesRestart(await playwright(chromium), { tool: "browser_navigate", args, says: /held/ }, "SIGTERM");
  });
});
