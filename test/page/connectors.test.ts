// What the page promises about connectors, in a real browser against the built hub and real servers. refs: field report B.
import assert from "node:assert/strict";
import { describe } from "node:test";
import { sdk1 } from "../support/clients.ts";
import { itWith } from "../support/parts.ts";
import { scriptedServer } from "../support/stdio-bridge.ts";
import { everything, mcpProxyMemory } from "../support/upstreams.ts";
import { addByForm, endpointOf, openBrowser, rowOf, startHub, timeout, visit, waitForStatus } from "./scene.ts";

describe("a connector on the page", { timeout }, () => {
  itWith(
    ["chromium"],
    "is added in one form, serves a real client, and shows its call as it happens",
    async (parts) => {
      await using server = await everything();
      await using hub = await startHub();
      await using browser = await openBrowser(parts.chromium);
      await using visitor = await visit(browser, hub);
      const { page } = visitor;
      await page.getByText("No connectors yet").waitFor();
      await addByForm(page, "everything", server.url);
      await waitForStatus(page, "connected");

      await page.getByRole("link", { name: "Inspector" }).click();
      await using client = await sdk1.connect(endpointOf(hub, "everything"));
      assert.match(await client.callTool("echo", { message: "over the page" }), /over the page/);
      const call = page.locator("tr[data-seq]", { hasText: "tools/call" });
      await call.waitFor();
      assert.match(await call.innerText(), /200/);
      // Bodies are not kept, so nothing of them can be shown.
      assert.doesNotMatch(await page.locator("body").innerText(), /over the page/);
      await page.getByRole("button", { name: "Keep bodies" }).click();
      await page.getByRole("button", { name: "Bodies are kept" }).waitFor();
      await client.callTool("echo", { message: "<b>seen</b>" });
      await page.getByRole("button", { name: /^tools\/call/ }).click();
      await page.locator(".bodies pre", { hasText: '"message":"<b>seen</b>"' }).waitFor();
      await page.locator(".bodies pre", { hasText: "Echo: <b>seen</b>" }).waitFor();
      await page.getByRole("button", { name: "Bodies are kept" }).click();
      await page.getByRole("button", { name: "Keep bodies" }).waitFor();

      await page.getByRole("link", { name: "Tools" }).click();
      await page.locator(".tool", { hasText: "echo" }).first().waitFor();
      await page.getByRole("link", { name: "Overview" }).click();
      await page.getByText("holdfast-tests 1.0.0").waitFor();
      await page.locator(".chart canvas").waitFor();
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
      await page.getByRole("button", { name: "Copy what to paste for Claude Code" }).click();
      await page.getByText("Copied").first().waitFor();
      assert.equal(
        await page.evaluate("navigator.clipboard.readText()"),
        `claude mcp add --transport http everything ${endpointOf(hub, "everything")}`,
      );
      assert.deepEqual(visitor.complaints, []);
    },
  );

  itWith(["chromium"], "stays disconnected after a reload and after a restart of the hub", async (parts) => {
    await using server = await everything();
    await using hub = await startHub();
    await using browser = await openBrowser(parts.chromium);
    await using visitor = await visit(browser, hub);
    const { page } = visitor;
    await addByForm(page, "everything", server.url);
    await waitForStatus(page, "connected");
    await using client = await sdk1.connect(endpointOf(hub, "everything"));
    await page.getByRole("button", { name: "Disconnect everything" }).click();
    await waitForStatus(page, "disconnected");
    await assert.rejects(client.callTool("echo", { message: "x" }), /disconnected|404|CONNECTOR_DISCONNECTED/i);

    await page.reload();
    await waitForStatus(page, "disconnected");
    await hub.kill();
    await page.locator("[data-line=broken]").waitFor();
    await hub.start();
    await page.locator("[data-line=live]").waitFor();
    await waitForStatus(page, "disconnected");
    await page.getByRole("button", { name: "Connect everything" }).click();
    await waitForStatus(page, "connected");
    assert.deepEqual(visitor.complaints, []);
  });

  itWith(
    ["chromium"],
    "that is a program is upgraded by a button, which says how many sessions moved",
    async (parts) => {
      await using hub = await startHub(["--allow-stdio-over-api"]);
      const server = { kind: "stdio", command: process.execPath, args: [scriptedServer] };
      await hub.api("POST", "/connectors", { name: "program", server });
      await using client = await sdk1.connect(endpointOf(hub, "program"));
      const old = await client.callTool("pid", {});
      await using browser = await openBrowser(parts.chromium);
      await using visitor = await visit(browser, hub);
      const { page } = visitor;
      await page.goto(`${hub.origin}/connectors/program`);
      await page.getByRole("button", { name: "Upgrade program" }).click();
      await page.getByText("1 session moved").waitFor();
      assert.notEqual(await client.callTool("pid", {}), old);
      assert.deepEqual(visitor.complaints, []);
    },
  );

  itWith(["chromium"], "is gone when it is removed, and starts from nothing when it is added again", async (parts) => {
    await using server = await mcpProxyMemory();
    await using hub = await startHub();
    await using browser = await openBrowser(parts.chromium);
    await using visitor = await visit(browser, hub);
    const { page } = visitor;
    await addByForm(page, "memory", server.url);
    await waitForStatus(page, "connected");
    const before = await sdk1.connect(endpointOf(hub, "memory"));
    await before.callTool("read_graph", {});
    await page.locator("tr[data-session]").waitFor();
    const session = await page.locator("tr[data-session]").getAttribute("data-session");

    await page.getByRole("button", { name: "Remove" }).click();
    const dialog = page.getByRole("dialog", { name: "Remove memory?" });
    assert.match(await dialog.innerText(), /1 session will be ended/);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Remove" }).click();
    await dialog.getByRole("button", { name: "Remove" }).click();
    await page.getByText("No connectors yet").waitFor();
    await page.reload();
    await page.getByText("No connectors yet").waitFor();
    await assert.rejects(before.callTool("read_graph", {}));
    await before.close().catch(() => {});

    await addByForm(page, "memory", server.url);
    await waitForStatus(page, "connected");
    await page.getByText("No sessions").waitFor();
    await using after = await sdk1.connect(endpointOf(hub, "memory"));
    await after.callTool("read_graph", {});
    await page.locator("tr[data-session]").waitFor();
    assert.notEqual(await page.locator("tr[data-session]").getAttribute("data-session"), session);
    assert.deepEqual(visitor.complaints, []);
  });

  itWith(["chromium"], "shows the same in two tabs, whichever of them changed it", async (parts) => {
    await using server = await everything();
    await using hub = await startHub();
    await using browser = await openBrowser(parts.chromium);
    await using one = await visit(browser, hub);
    await using other = await visit(browser, hub);
    await addByForm(one.page, "everything", server.url);
    await rowOf(other.page, "everything").waitFor();
    await waitForStatus(other.page, "connected", "everything");
    await other.page.getByRole("button", { name: "Disconnect everything" }).click();
    await waitForStatus(one.page, "disconnected");
    await one.page.getByRole("button", { name: "Connect everything" }).click();
    await waitForStatus(other.page, "connected", "everything");
    await one.page.getByRole("link", { name: "Inspector" }).click();
    await one.page.getByRole("button", { name: "Keep bodies" }).click();
    await one.page.getByRole("button", { name: "Bodies are kept" }).waitFor();
    await other.page.goto(`${hub.origin}/connectors/everything/inspector`);
    await other.page.getByRole("button", { name: "Bodies are kept" }).click();
    await one.page.getByRole("button", { name: "Keep bodies" }).waitFor();
    await other.page.goto(hub.origin);
    await one.page.getByRole("link", { name: "Edit" }).click();
    await one.page.getByLabel("Trust what the server says of its tools").check();
    await hub.api("POST", "/connectors/everything/disconnect");
    await one.page.getByRole("button", { name: "Save" }).click();
    // The form was opened on another state: the hub refuses, and the page says so instead of overwriting.
    await one.page.getByText("was changed elsewhere").waitFor();
    await one.page.getByRole("alert").waitFor();
    await one.page.getByRole("button", { name: "Take over what is there now" }).click();
    await one.page.getByLabel("Trust what the server says of its tools").check();
    await one.page.getByRole("button", { name: "Save" }).click();
    await one.page.getByText("Saved.").waitFor();
    await hub.api("DELETE", "/connectors/everything");
    await other.page.getByText("No connectors yet").waitFor();
    await one.page.getByText("There is no connector of this name").waitFor();
    assert.deepEqual([...one.complaints, ...other.complaints], []);
  });
});
