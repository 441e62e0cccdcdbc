// Signing in on the page: the button, the authorization server's own forms in a tab beside, and the status that follows by itself.
import assert from "node:assert/strict";
import { describe } from "node:test";
import { sdk1 } from "../support/clients.ts";
import { itWith } from "../support/parts.ts";
import { startSignInServer } from "../support/sign-in-server.ts";
import { addByForm, endpointOf, openBrowser, startHub, timeout, violations, visit, waitForStatus } from "./scene.ts";

describe("signing in on the page", { timeout }, () => {
  itWith(["chromium"], "leads to the authorization server and back, and the connector works", async (parts) => {
    await using server = await startSignInServer();
    await using hub = await startHub();
    await using browser = await openBrowser(parts.chromium);
    await using visitor = await visit(browser, hub);
    const { page } = visitor;
    await addByForm(page, "guarded", server.url);
    await waitForStatus(page, "needs-sign-in");
    assert.deepEqual(await violations(page), []);

    const [tab] = await Promise.all([
      page.context().waitForEvent("page"),
      page.getByRole("button", { name: "Sign in", exact: true }).click(),
    ]);
    await tab.locator('input[name="login"]').fill("anna");
    await tab.locator('input[name="password"]').fill("anything");
    await tab.locator("button[type=submit]").click();
    await tab.locator('input[name="prompt"][value="consent"]').waitFor({ state: "attached" });
    await tab.locator("button[type=submit]").click();
    await tab.getByRole("heading", { name: "Signed in" }).waitFor();
    assert.deepEqual(await violations(tab), []);

    // Nobody has touched this one meanwhile.
    await waitForStatus(page, "connected");
    await page.getByText("anna@example.com").waitFor();
    assert.deepEqual(await violations(page), []);
    await using client = await sdk1.connect(endpointOf(hub, "guarded"));
    assert.equal(await client.callTool("whoami", {}), "anna, call 1");
    const shown = await page.content();
    for (const token of server.issued) assert.ok(!shown.includes(token));

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Sign out" }).click();
    await waitForStatus(page, "needs-sign-in");
    await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
    assert.deepEqual(visitor.complaints, []);
  });

  itWith(["chromium"], "asks for the client's id where no program may register itself", async (parts) => {
    await using server = await startSignInServer({
      metadata: (document) =>
        Object.fromEntries(Object.entries(document).filter(([name]) => name !== "registration_endpoint")),
    });
    await using hub = await startHub();
    await using browser = await openBrowser(parts.chromium);
    await using visitor = await visit(browser, hub);
    const { page } = visitor;
    await addByForm(page, "guarded", server.url);
    await waitForStatus(page, "needs-sign-in");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByText("CLIENT_ID_NEEDED").waitFor();
    await page.getByLabel("Client ID").fill("by-hand");
    await page.getByLabel("Client secret (if it has one)").fill("s3cret");
    assert.deepEqual(await violations(page), []);
    const opened = page.context().waitForEvent("page");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    const tab = await opened;
    await tab.waitForURL(/client_id=by-hand/);
    assert.ok(!tab.url().includes("s3cret"));
    assert.deepEqual(visitor.complaints, []);
  });
});
