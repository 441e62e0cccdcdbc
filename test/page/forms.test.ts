// Every form's bad input: each mistake gets a sentence beside its field, and the hub's own refusals are shown in its words.
import assert from "node:assert/strict";
import { describe } from "node:test";
import type { Page } from "playwright-core";
import { itWith } from "../support/parts.ts";
import { everything } from "../support/upstreams.ts";
import { addByForm, openBrowser, startHub, timeout, visit } from "./scene.ts";

async function mistakeOf(page: Page, label: string): Promise<string> {
  const input = page.getByLabel(label, { exact: true });
  await page.locator("[aria-invalid=true], [role=alert]").first().waitFor();
  const ids = (await input.getAttribute("aria-describedby"))?.split(" ") ?? [];
  const id = ids.find((one) => one.endsWith("-error"));
  return id === undefined ? "" : page.locator(`[id="${id}"]`).innerText();
}

describe("bad input", { timeout }, () => {
  itWith(["chromium"], "in the form for a connector is told field by field", async (parts) => {
    await using server = await everything();
    await using hub = await startHub();
    await using browser = await openBrowser(parts.chromium);
    await using visitor = await visit(browser, hub);
    const { page } = visitor;
    await addByForm(page, "taken", server.url);
    await page.goto(`${hub.origin}/add`);
    const submit = page.getByRole("button", { name: "Add connector" });
    const address = page.getByLabel("URL or command");
    const name = page.getByLabel("Name", { exact: true });
    await submit.click();
    assert.match(await mistakeOf(page, "URL or command"), /Give the server's URL/);
    assert.match(await mistakeOf(page, "Name"), /Give it a name/);
    await page.locator("input:focus[aria-invalid=true]").waitFor();
    for (const [typed, sentence] of [
      ["https://", /not a complete URL/],
      ["ftp://example.com/mcp", /not by ftp/],
      ['npx "x', /not closed/],
    ] as const) {
      await address.fill(typed);
      await submit.click();
      await page.getByText(sentence).waitFor();
    }
    await address.fill(server.url);
    for (const [typed, sentence] of [
      ["with space", /letters, digits, dots/],
      ["../up", /letters, digits, dots/],
      ["x".repeat(65), /1 to 64/],
    ] as const) {
      await name.fill(typed);
      await submit.click();
      await page.locator(".wrong", { hasText: sentence }).waitFor();
      assert.match(await mistakeOf(page, "Name"), sentence);
    }
    await name.fill("taken");
    await submit.click();
    await page.locator("[role=alert]", { hasText: /exist|taken|already/i }).waitFor();
    // Nothing that was typed is lost by a refusal.
    assert.equal(await address.inputValue(), server.url);

    await page.getByText("More", { exact: true }).click();
    await page.getByRole("button", { name: "Add header" }).click();
    await page.getByLabel("Header 1 name").fill("bad name");
    await page.getByLabel("Header 1 value").fill("x");
    await name.fill("fine");
    await submit.click();
    await page.locator("[role=alert]", { hasText: /header/i }).waitFor();
    assert.deepEqual(visitor.complaints, []);
  });

  itWith(
    ["chromium"],
    "of a kind that this hub takes only from its shell is answered with the line to type there",
    async (parts) => {
      await using hub = await startHub([]);
      await using browser = await openBrowser(parts.chromium);
      await using visitor = await visit(browser, hub);
      const { page } = visitor;
      await page.goto(`${hub.origin}/add`);
      await page.getByLabel("URL or command").fill("npx -y @modelcontextprotocol/server-memory");
      await page.getByText("holdfast add memory -- npx -y @modelcontextprotocol/server-memory").waitFor();
      await page.getByLabel("URL or command").fill("http://127.0.0.1:9/mcp");
      await page.getByRole("button", { name: "Add connector" }).click();
      await page.locator("[role=alert]").waitFor();
      await page.getByText("holdfast add local http://127.0.0.1:9/mcp").waitFor();
      const { connectors } = await hub.api<{ readonly connectors: readonly unknown[] }>("GET", "/connectors");
      assert.deepEqual(connectors, []);
    },
  );

  itWith(["chromium"], "in settings is refused with a sentence, and a token is shown once", async (parts) => {
    await using hub = await startHub();
    await using browser = await openBrowser(parts.chromium);
    await using visitor = await visit(browser, hub);
    const { page } = visitor;
    await page.getByRole("link", { name: "Settings" }).click();
    const make = page.getByRole("button", { name: "Make token" });
    await make.click();
    assert.match(await mistakeOf(page, "User"), /Whose token/);
    await page.getByLabel("User", { exact: true }).fill("a b");
    await make.click();
    await page.locator(".wrong", { hasText: /1 to 64/ }).waitFor();
    await page.getByLabel("User", { exact: true }).fill("ada");
    await page.getByLabel("Label", { exact: true }).fill("laptop");
    await make.click();
    await page.getByText("Copy it now").waitFor();
    const secret = await page.getByRole("region", { name: "token of ada" }).innerText();
    const asAda = await fetch(`${hub.origin}/api/v1/whoami`, { headers: { authorization: `Bearer ${secret.trim()}` } });
    // A user's token is known, and is no admin's.
    assert.equal(asAda.status, 403);
    await page.reload();
    await page.getByRole("cell", { name: "laptop", exact: true }).waitFor();
    assert.ok(!(await page.content()).includes(secret.trim()));
    await page.getByRole("button", { name: "Revoke the token of ada laptop" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText("No tokens yet").waitFor();

    await page.getByLabel("Exchanges kept per connector").fill("-1");
    await page.getByRole("button", { name: "Save" }).click();
    await page.locator("[role=alert]", { hasText: "keepExchanges" }).waitFor();
    await page.getByLabel("Exchanges kept per connector").fill("50");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor();
    assert.deepEqual(visitor.complaints, []);
  });

  itWith(["chromium"], "at the door is refused, and a link serves once", async (parts) => {
    await using hub = await startHub();
    await using browser = await openBrowser(parts.chromium);
    await using stranger = await visit(browser, hub, { isSignedIn: false });
    const { page } = stranger;
    await page.goto(hub.origin);
    await page.getByRole("heading", { name: "Sign in to this hub" }).waitFor();
    await page.getByLabel("Link or code").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    const link = await hub.loginUrl();
    await page.getByLabel("Link or code").fill(link);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("No connectors yet").waitFor();
    await using second = await visit(browser, hub, { isSignedIn: false });
    await second.page.goto(link);
    await second.page.getByRole("alert").waitFor();
    // The code stays neither in the address bar nor in the history.
    assert.ok(!second.page.url().includes("#"));
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in to this hub" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Sign in to this hub" }).waitFor();
  });
});
