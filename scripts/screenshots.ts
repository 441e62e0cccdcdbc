// Takes the pictures of docs/images/ from a hub that runs, with real servers, real clients and real losses. `npm run build` first; takes some minutes.
import { mkdir, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { endpointOf, type Hub, openBrowser, startHub, visit } from "../test/page/scene.ts";
import { clients, sdk1 } from "../test/support/clients.ts";
import { findPart } from "../test/support/parts.ts";
import { everything, mcpProxyMemory } from "../test/support/upstreams.ts";

const { smallPng } = await import("./small-png.ts");
const folder = fileURLToPath(new URL("../docs/images/", import.meta.url));
const trafficMs = Number(process.env["TRAFFIC_MS"] ?? 240_000);

/** What is shown, and what makes it complete. */
const pictures: readonly (readonly [name: string, path: string, ready: (page: Page) => Promise<unknown>])[] = [
  ["connectors", "/", (page) => page.locator(".row").first().waitFor()],
  ["connector", "/connectors/everything", (page) => page.locator("[data-restore]").first().waitFor()],
  ["inspector", "/connectors/everything/inspector", showBodies],
  ["tools", "/connectors/everything/tools", (page) => page.locator(".tool").first().waitFor()],
  ["doctor", "/connectors/search/doctor", runDoctor],
  ["add", "/add", (page) => page.getByLabel("URL or command").fill("https://mcp.example.com/mcp")],
  ["settings", "/settings", (page) => page.getByText("OpenAPI document").waitFor()],
];

async function showBodies(page: Page): Promise<void> {
  await page
    .getByRole("button", { name: /^tools\/call/ })
    .first()
    .click();
  await page.locator(".bodies pre").nth(1).waitFor();
}

async function runDoctor(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Run the doctor" }).click();
  await page.locator(".verdict").waitFor();
}

async function fill(hub: Hub, urls: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, url] of Object.entries(urls)) {
    const wanted = name === "staging" ? "disconnected" : "connected";
    await hub.api("POST", "/connectors", { name, server: { kind: "http", url }, wanted });
  }
  await hub.api("POST", "/connectors", {
    name: "files",
    server: { kind: "stdio", command: "npx", args: ["-y", "@modelcontextprotocol/server-filesystem", "."] },
  });
  for (const [user, label] of [
    ["ada", "laptop"],
    ["build", "nightly"],
  ]) {
    await hub.api("POST", "/tokens", { user, label });
  }
}

/** Calls in waves, with losses between them: the server killed and started again, and a session broken on purpose. */
async function traffic(hub: Hub, server: Awaited<ReturnType<typeof everything>>): Promise<AsyncDisposableStack> {
  const stack = new AsyncDisposableStack();
  const all = [
    stack.use(await sdk1.connect(endpointOf(hub, "everything"))),
    stack.use(await (clients[1] ?? sdk1).connect(endpointOf(hub, "everything"))),
  ];
  const memory = stack.use(await sdk1.connect(endpointOf(hub, "memory")));
  await hub.api("PATCH", "/connectors/everything/inspector", { keepBodies: true });
  const endMs = Date.now() + trafficMs;
  for (let round = 1; Date.now() < endMs; round += 1) {
    const calls = Math.round(4 + 3 * Math.sin(round / 9) + Math.random() * 2);
    for (let call = 0; call < calls; call += 1) {
      for (const client of all) await client.callTool("echo", { message: "hello" });
      if (call % 3 === 0) await memory.callTool("read_graph", {});
    }
    if (round % 40 === 30) await server.restart();
    await delay(1_000);
  }
  const { sessions } = await hub.api<{ readonly sessions: readonly { readonly session: string }[] }>(
    "GET",
    "/connectors/everything/sessions",
  );
  const [first] = sessions;
  if (first !== undefined) await hub.api("POST", `/connectors/everything/sessions/${first.session}/break`);
  for (const client of all) await client.callTool("get-sum", { a: 2, b: 3 });
  return stack;
}

const chromium = findPart("chromium");
if (chromium === undefined) throw new Error("Chromium is not installed: apt-get install chromium");
await using server = await everything();
await using graph = await mcpProxyMemory();
await using hub = await startHub(["--allow-private-addresses", "127.0.0.0/8", "--allow-stdio-over-api"]);
await fill(hub, {
  everything: server.url,
  memory: graph.url,
  search: "http://127.0.0.1:9/mcp",
  staging: "https://staging.example.com/mcp",
});
await using clientsOfTheHub = await traffic(hub, server);
await mkdir(folder, { recursive: true });
await using browser = await openBrowser(chromium);
let total = 0;
for (const colorScheme of ["light", "dark"] as const) {
  await using visitor = await visit(browser, hub, { colorScheme, width: 1_080 });
  for (const [name, path, ready] of pictures) {
    await visitor.page.goto(hub.origin + path);
    await ready(visitor.page);
    // The chart is fetched on its own.
    await delay(1_500);
    const png = smallPng(await visitor.page.screenshot({ fullPage: name !== "inspector" && name !== "tools" }));
    await writeFile(`${folder}${name}-${colorScheme}.png`, png);
    total += png.length;
  }
}
await clientsOfTheHub.disposeAsync();
process.stdout.write(`${total} bytes in ${folder}\n`);
