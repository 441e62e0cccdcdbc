// Losses, as the page shows them: a server that dies and comes back, and a session that is broken on purpose.
import assert from "node:assert/strict";
import { describe } from "node:test";
import { sdk1 } from "../support/clients.ts";
import { itWith } from "../support/parts.ts";
import { everything } from "../support/upstreams.ts";
import { addByForm, endpointOf, openBrowser, startHub, streamOpen, timeout, visit, waitForStatus } from "./scene.ts";

describe("a loss on the page", { timeout }, () => {
  itWith(
    ["chromium"],
    "is a timeline from the refused call to its answer, after the server was restarted",
    async (parts) => {
      await using server = await everything();
      await using hub = await startHub();
      await using browser = await openBrowser(parts.chromium);
      await using visitor = await visit(browser, hub);
      const { page } = visitor;
      await addByForm(page, "everything", server.url);
      await waitForStatus(page, "connected");
      await using client = await sdk1.connect(endpointOf(hub, "everything"));
      await client.callTool("echo", { message: "before" });

      await server.kill();
      await page.getByRole("button", { name: "Test now" }).click();
      await page.locator(".test-result", { hasText: "Failed" }).waitFor();
      await page.locator("header.head [data-status=recovering], header.head [data-status=unreachable]").waitFor();
      assert.match(await page.locator("[data-summary]").innerText(), /refuse/i);
      await server.start();
      assert.match(await client.callTool("echo", { message: "after" }), /after/);

      const timeline = page.locator("[data-restore]").first();
      await timeline.getByText(/^Restored in/).waitFor();
      const steps = await timeline.locator(".step").allInnerTexts();
      const text = steps.join("\n");
      const order = ["Call", "Refused", "initialize", "initialized", "Replay", "Answer 200"];
      const places = order.map((step) => text.search(new RegExp(`^${step}\\b`, "m")));
      assert.ok(!places.includes(-1), text);
      assert.deepEqual(
        places,
        places.toSorted((a, b) => a - b),
        text,
      );
      for (const step of steps) assert.match(step, /\d ?(?:ms|s)\b/);
      await waitForStatus(page, "connected");
      await page.getByRole("link", { name: "Inspector" }).click();
      await page.locator(".is-restore [data-restore]").first().waitFor();
      assert.deepEqual(visitor.complaints, []);
    },
  );

  itWith(["chromium"], "is made by Break it and heals with the client's next call", async (parts) => {
    await using server = await everything();
    await using hub = await startHub();
    await using browser = await openBrowser(parts.chromium);
    await using visitor = await visit(browser, hub);
    const { page } = visitor;
    await addByForm(page, "everything", server.url);
    await using client = await sdk1.connect(endpointOf(hub, "everything"));
    // Or else the opening of the stream is the next request, and heals the loss before anybody has seen it.
    await streamOpen(hub, "everything");
    await page.getByRole("button", { name: /^Break it: session of holdfast-tests/ }).click();
    // The client's own stream may be the next request and heal before the words "Now make a call" are drawn: what counts is the restore.
    await Promise.race([
      page.getByText("Now make a call from the client.").waitFor(),
      page.locator("[data-restore]").first().waitFor(),
    ]);
    assert.match(await client.callTool("echo", { message: "healed" }), /healed/);
    await page
      .locator("[data-restore]")
      .getByText(/^Restored in/)
      .waitFor();
    await page.getByRole("button", { name: /^Break it/ }).waitFor();
    // It never looked as if the server were away.
    await waitForStatus(page, "connected");

    await page.getByRole("button", { name: /^End the session/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "End session" }).click();
    await page.getByText("No sessions").waitFor();
    assert.deepEqual(visitor.complaints, []);
  });

  itWith(["chromium"], "of the hub itself is said, and the page goes on by itself when it is back", async (parts) => {
    await using hub = await startHub();
    await using browser = await openBrowser(parts.chromium);
    await using visitor = await visit(browser, hub);
    const { page } = visitor;
    await hub.kill();
    await page.getByText("The hub does not answer").waitFor();
    await hub.start();
    await page.locator("[data-line=live]").waitFor();
    await page.getByText("The hub does not answer").waitFor({ state: "detached" });
  });
});
