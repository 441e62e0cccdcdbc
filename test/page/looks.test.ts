// How the page looks and sounds: no violation that axe knows of, in both themes and on a phone; by keyboard alone; hostile names; many connectors.
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe } from "node:test";
import type { Page } from "playwright-core";
import { sdk1 } from "../support/clients.ts";
import { itWith } from "../support/parts.ts";
import { everything } from "../support/upstreams.ts";
import { endpointOf, openBrowser, startHub, timeout, violations, visit, waitForStatus } from "./scene.ts";

const hostile = `<img src=x onerror="document.title='taken over'"><b>bold</b>`;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== "POST") {
    response.writeHead(405).end();
    return;
  }
  let body = "";
  for await (const chunk of request) body += String(chunk);
  const { id, method } = JSON.parse(body) as { readonly id?: number; readonly method: string };
  if (id === undefined) {
    response.writeHead(202).end();
    return;
  }
  const serverInfo = { name: hostile, version: hostile };
  const results: Readonly<Record<string, object>> = {
    initialize: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo },
    "tools/list": { tools: [{ name: hostile, title: hostile, description: hostile, inputSchema: { type: "object" } }] },
  };
  const result = results[method];
  const told = result === undefined ? { error: { code: -32603, message: hostile } } : { result };
  response
    .writeHead(result === undefined ? 500 : 200, { "content-type": "application/json", "mcp-session-id": "one" })
    .end(JSON.stringify({ jsonrpc: "2.0", id, ...told }));
}

/** A server all of whose words are markup, which must come out as the words they are. */
async function hostileServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

const add = (name: string, url: string) => ({ name, server: { kind: "http", url } });

/** Each view, and what is there when it is complete. */
const views: readonly (readonly [path: string, ready: (page: Page) => Promise<unknown>])[] = [
  ["/", (page) => page.locator(".row").nth(1).waitFor()],
  ["/add", (page) => page.getByText("More", { exact: true }).click()],
  ["/connectors/everything", (page) => page.locator("[data-restore]").waitFor()],
  ["/connectors/everything/inspector", (page) => page.locator("tr[data-seq]").first().waitFor()],
  [
    "/connectors/everything/inspector",
    async (page) => {
      await page
        .getByRole("button", { name: /^tools\/call/ })
        .first()
        .click();
      await page.locator(".bodies pre").first().waitFor();
    },
  ],
  ["/connectors/everything/tools", (page) => page.locator(".tool").first().waitFor()],
  [
    "/connectors/everything/doctor",
    async (page) => {
      await page.getByRole("button", { name: "Run the doctor" }).click();
      await page.locator(".verdict").waitFor();
    },
  ],
  ["/connectors/everything/edit", (page) => page.getByRole("button", { name: "Save" }).waitFor()],
  ["/connectors/dead", (page) => waitForStatus(page, "unreachable")],
  ["/connectors/nobody", (page) => page.getByText("There is no connector of this name").waitFor()],
  ["/settings", (page) => page.getByText("OpenAPI document").waitFor()],
  // With an open dialog.
  ["/connectors/everything", (page) => openDialog(page, "Remove")],
  ["/connectors/everything", (page) => openDialog(page, /^End the session of/)],
  ["/settings", (page) => openDialog(page, "Revoke the token of ann laptop")],
];

async function openDialog(page: Page, button: string | RegExp): Promise<void> {
  await page.getByRole("button", { name: button }).first().click();
  await page.getByRole("dialog").waitFor();
}

describe("the page", { timeout: 2 * timeout }, () => {
  itWith(["chromium"], "has no violation that axe knows of, in both themes and at a phone's width", async (parts) => {
    await using server = await everything();
    await using hub = await startHub();
    await hub.api("POST", "/connectors", add("everything", server.url));
    await hub.api("POST", "/connectors", add("dead", "http://127.0.0.1:9/mcp"));
    await using client = await sdk1.connect(endpointOf(hub, "everything"));
    await hub.api("POST", "/tokens", { user: "ann", label: "laptop" });
    await hub.api("PATCH", "/connectors/everything/inspector", { keepBodies: true });
    await client.callTool("echo", { message: "x" });
    await server.restart();
    await client.callTool("echo", { message: "x" });
    await using browser = await openBrowser(parts.chromium);
    for (const [colorScheme, width] of [
      ["light", 1_200],
      ["dark", 1_200],
      ["light", 390],
      ["dark", 390],
    ] as const) {
      await using visitor = await visit(browser, hub, { colorScheme, width });
      const { page } = visitor;
      for (const [path, ready] of views) {
        await page.goto(hub.origin + path);
        await ready(page);
        const where = `${path}, ${colorScheme}, ${width}`;
        assert.deepEqual(await violations(page), [], where);
        const wide = await page.evaluate<number>("document.documentElement.scrollWidth");
        assert.ok(wide <= width, `${where}: ${wide} wide`);
      }
      assert.deepEqual(visitor.complaints, []);
    }
    await using stranger = await visit(browser, hub, { isSignedIn: false });
    await stranger.page.goto(hub.origin);
    await stranger.page.getByRole("button", { name: "Sign in" }).waitFor();
    assert.deepEqual(await violations(stranger.page), []);
  });

  itWith(
    ["chromium"],
    "is painted in the right theme before any script runs, by the system or as it was chosen",
    async (parts) => {
      await using hub = await startHub();
      await using browser = await openBrowser(parts.chromium);
      const grounds = { light: "rgb(246, 246, 243)", dark: "rgb(17, 20, 23)" };
      const groundOf = (page: Page) => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
      for (const colorScheme of ["light", "dark"] as const) {
        const context = await browser.newContext({ colorScheme, javaScriptEnabled: false });
        const page = await context.newPage();
        await page.goto(hub.origin);
        assert.equal(await groundOf(page), grounds[colorScheme]);
        await context.close();
      }
      await using visitor = await visit(browser, hub, { colorScheme: "light" });
      await visitor.page.goto(`${hub.origin}/settings`);
      await visitor.page.getByLabel("Theme").selectOption("dark");
      assert.equal(await groundOf(visitor.page), grounds.dark);
      const context = await browser.newContext({
        colorScheme: "light",
        javaScriptEnabled: false,
        storageState: await visitor.page.context().storageState(),
      });
      const page = await context.newPage();
      await page.goto(hub.origin);
      assert.equal(await groundOf(page), grounds.dark);
      await context.close();
    },
  );

  itWith(["chromium"], "is used by keyboard alone, from adding a connector to removing it", async (parts) => {
    await using server = await everything();
    await using hub = await startHub();
    await using browser = await openBrowser(parts.chromium);
    await using visitor = await visit(browser, hub);
    const { page } = visitor;
    const { keyboard } = page;
    const tabTo = async (name: RegExp) => {
      for (let presses = 0; presses < 60; presses += 1) {
        await keyboard.press("Tab");
        const focused = await page.evaluate<string>(
          "document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? ''",
        );
        if (name.test(focused.trim())) return;
      }
      assert.fail(`no Tab leads to ${name}`);
    };
    await tabTo(/^Add connector$/);
    await keyboard.press("Enter");
    await page.getByLabel("URL or command").waitFor();
    await page.locator("input:focus").waitFor();
    await keyboard.type(server.url);
    await keyboard.press("Tab");
    await keyboard.press("ControlOrMeta+a");
    await keyboard.type("keys");
    await keyboard.press("Enter");
    await waitForStatus(page, "connected");
    await tabTo(/^Disconnect keys$/);
    await keyboard.press("Space");
    await waitForStatus(page, "disconnected");
    await tabTo(/^Remove$/);
    await keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    // The safe answer has the focus, and the focus stays within.
    await page.locator("dialog button:focus", { hasText: "Cancel" }).waitFor();
    await keyboard.press("Escape");
    await page.locator("header.head button:focus", { hasText: "Remove" }).waitFor();
    await keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo(/^Remove$/);
    await keyboard.press("Enter");
    await page.getByText("No connectors yet").waitFor();
    assert.deepEqual(visitor.complaints, []);
  });

  itWith(["chromium"], "shows a server's words as words, whatever markup they hold", async (parts) => {
    await using server = await hostileServer();
    await using hub = await startHub();
    await hub.api("POST", "/connectors", add("hostile", server.url));
    await using browser = await openBrowser(parts.chromium);
    await using visitor = await visit(browser, hub);
    const { page } = visitor;
    await page.goto(`${hub.origin}/connectors/hostile/tools`);
    await page.locator(".tool b", { hasText: "<img src=x" }).waitFor();
    await page.getByRole("link", { name: "Doctor" }).click();
    await page.getByRole("button", { name: "Run the doctor" }).click();
    await page.locator(".verdict").waitFor();
    await page.goto(`${hub.origin}/connectors/${encodeURIComponent(hostile)}`);
    await page.getByText("There is no connector of this name").waitFor();
    assert.equal(await page.locator("img, main b b").count(), 0);
    assert.doesNotMatch(await page.title(), /^taken over/);
    assert.deepEqual(visitor.complaints, []);
  });

  itWith(["chromium"], "draws 200 connectors, 20 of them dead, in less than 200 ms", async (parts) => {
    await using server = await everything();
    await using hub = await startHub();
    for (let index = 0; index < 200; index += 1) {
      const url = index % 10 === 0 ? "http://127.0.0.1:9/mcp" : server.url;
      // Those that are not dead would each open a session at the one server, which says nothing about drawing.
      const wanted = index % 10 === 0 ? "connected" : "disconnected";
      await hub.api("POST", "/connectors", { ...add(`c${index}`, url), wanted });
    }
    await using browser = await openBrowser(parts.chromium);
    await using visitor = await visit(browser, hub);
    const { page } = visitor;
    await page.goto(`${hub.origin}/settings`);
    await page.getByText("OpenAPI document").waitFor();
    // The processor's time of the page's own thread: the time on the wall would measure what else this machine does.
    const devTools = await page.context().newCDPSession(page);
    await devTools.send("Performance.enable", { timeDomain: "threadTicks" });
    const busyMs = async () => {
      const { metrics } = await devTools.send("Performance.getMetrics");
      return 1_000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN);
    };
    const before = await busyMs();
    await page.evaluate(`new Promise((drawn) => {
      document.querySelector("a.brand").click();
      requestAnimationFrame(() => setTimeout(drawn));
    })`);
    const spentMs = (await busyMs()) - before;
    assert.ok(spentMs < 200, `${spentMs} ms`);
    assert.equal(await page.locator(".row").count(), 200);
    await page.getByRole("button", { name: /^Unreachable 20/ }).click();
    assert.equal(await page.locator(".row").count(), 20);
    assert.deepEqual(visitor.complaints, []);
  });
});
