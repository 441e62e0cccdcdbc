// A running hub, a real Chromium that is signed in to it, and the helpers that page tests share. Imports nothing from src.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import { type Child, lastingPort, startChild, temporaryDirectory } from "../support/process.ts";
import { program } from "../support/run-holdfast.ts";

/** Generous: these tests run three at a time beside others. */
export const timeout = 120_000;
const waitMs = 30_000;

const chromiumArgs = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Hub extends AsyncDisposable {
  readonly origin: string;
  readonly dataDir: string;
  /** A new link that signs a browser in once. */
  loginUrl(): Promise<string>;
  /** Asks the REST API as the admin; throws for a refusal. */
  api<Answer = unknown>(method: string, path: string, body?: object): Promise<Answer>;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Servers of tests are on this machine, which a page may add only where the hub was started to allow it. */
export async function startHub(extra: readonly string[] = ["--allow-private-addresses", "127.0.0.0/8"]): Promise<Hub> {
  const port = await lastingPort();
  await using resources = new AsyncDisposableStack();
  const { path: dataDir } = resources.use(await temporaryDirectory());
  const args = [program, "serve", "--port", String(port), "--data-dir", dataDir, "--no-demo", ...extra];
  const origin = `http://127.0.0.1:${port}`;
  const launch = async () => {
    const started = await startChild(process.execPath, args);
    await started.waitForLine(new RegExp(`${origin}/login#\\S+`));
    return started;
  };
  let child: Child = await launch();
  const token = readFileSync(`${dataDir}/admin-token`, "utf8").trim();
  const owned = resources.move();
  const api: Hub["api"] = async (method, path, body) => {
    const response = await fetch(`${origin}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  return {
    origin,
    dataDir,
    api,
    loginUrl: async () => (await api<{ readonly url: string }>("POST", "/login-links")).url,
    kill: async () => void (await child.end("SIGKILL")),
    start: async () => {
      child = await launch();
    },
    [Symbol.asyncDispose]: async () => {
      await child.end("SIGKILL");
      await owned.disposeAsync();
    },
  };
}

export interface Visit extends AsyncDisposable {
  readonly page: Page;
  /** Everything the page should not do: throw, break its policy, log an error of its own. */
  readonly complaints: readonly string[];
}

export interface VisitOptions {
  readonly colorScheme?: "light" | "dark";
  readonly width?: number;
  readonly isSignedIn?: boolean;
}

export function openBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: chromiumArgs });
}

/** A browser of its own, as far as cookies go. */
export async function visit(browser: Browser, hub: Hub, options: VisitOptions = {}): Promise<Visit> {
  const { colorScheme = "light", width = 1_200, isSignedIn = true } = options;
  const context = await browser.newContext({
    colorScheme,
    viewport: { width, height: 900 },
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(waitMs);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // The browser itself reports each refused or broken request; the page shows those to the user.
    const isOfBrowser = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isOfBrowser) complaints.push(message.text());
  });
  if (isSignedIn) {
    await page.goto(await hub.loginUrl());
    await page.locator("[data-line=live]").waitFor();
  }
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
}

export function rowOf(page: Page, name: string): Locator {
  return page.locator(`.row[data-name="${name}"]`);
}

/** Waits until the status word of the list's row, or of the connector's own page, is this. */
export async function waitForStatus(page: Page, kind: string, name?: string): Promise<void> {
  const place = name === undefined ? page.locator("header.head") : rowOf(page, name);
  await place.locator(`[data-status="${kind}"]`).waitFor();
}

/** By the form, as a user does. */
export async function addByForm(page: Page, name: string, address: string): Promise<void> {
  await page.getByRole("link", { name: "Add connector" }).click();
  await page.getByLabel("URL or command").fill(address);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Add connector" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
}

export function endpointOf(hub: Hub, name: string): string {
  return `${hub.origin}/c/${name}/mcp`;
}

/** Resolves when the connector's one session has its standing stream, which a client opens after its connect has returned. */
export async function streamOpen(hub: Hub, name: string): Promise<void> {
  interface Answer {
    readonly sessions: readonly { readonly hasStream: boolean }[];
  }
  const endMs = Date.now() + waitMs;
  while ((await hub.api<Answer>("GET", `/connectors/${name}/sessions`)).sessions[0]?.hasStream !== true) {
    assert.ok(Date.now() < endMs, "no session with a stream");
    await delay(20);
  }
}

const axe = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly target: readonly unknown[]; readonly failureSummary?: string }[];
  }[];
}

/** What axe finds wrong with the page as it stands. */
export async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  const result = await page.evaluate<AxeResult>("axe.run()");
  return result.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary = "" }) => `${id}: ${target.join(" ")}: ${failureSummary}`),
  );
}
