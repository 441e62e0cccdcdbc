// Starts the fixture and runs the official conformance suite against a URL, each as a process, and reads the files the
// suite writes. Judges nothing beyond what the suite says of each check.
import { globSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Child, startChild, temporaryDirectory } from "../support/process.ts";

const suiteProgram = fileURLToPath(import.meta.resolve("@modelcontextprotocol/conformance/dist/index.js"));
const fixtureProgram = fileURLToPath(new URL("fixture-server.ts", import.meta.url));
const runTimeoutMs = 120_000;

export interface Scenario {
  /** What went wrong, by check; empty where the scenario passed. */
  readonly failures: readonly string[];
  /** Every check that was decided, with its status: what two runs of the same server have in common. */
  readonly checks: readonly string[];
}

export interface SuiteRun {
  readonly exitCode: number | NodeJS.Signals;
  readonly scenarios: ReadonlyMap<string, Scenario>;
}

interface Check {
  readonly id: string;
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  readonly errorMessage?: string;
}

export interface Fixture extends AsyncDisposable {
  readonly url: string;
}

/** "blunt": legacy as well; see the fixture's file of that name. */
export type FixtureEra = "legacy" | "blunt" | "modern";

export async function startFixture(era: FixtureEra = "legacy", port = 0): Promise<Fixture> {
  const child = await startChild(process.execPath, [fixtureProgram, "--port", String(port), "--era", era]);
  try {
    const [, url = ""] = await child.waitForLine(/^listening on (\S+)$/);
    return { url, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
  } catch (error) {
    await child.end("SIGKILL");
    throw error;
  }
}

/** The command that serves the fixture on standard input and output. */
export function stdioFixture(era: FixtureEra): readonly string[] {
  return [process.execPath, fixtureProgram, "--stdio", "--era", era];
}

/** The suite tests rebinding protection only of a server that it finds under a name of the loopback. */
function asLocalhost(url: string): string {
  const local = new URL(url);
  local.hostname = "localhost";
  return local.href;
}

async function waitForExit(child: Child): Promise<number | NodeJS.Signals> {
  const status = await Promise.race([child.exited, delay(runTimeoutMs, undefined, { ref: false })]);
  if (status === undefined) throw new Error(`the suite did not end within ${runTimeoutMs} ms\n${child.output()}`);
  return status;
}

function readScenario(checks: readonly Check[]): Scenario {
  const failed = checks.filter(({ status }) => status === "FAILURE");
  const failures = failed.map(({ id, errorMessage }) => `${id}: ${errorMessage ?? "failed"}`);
  if (!checks.some(({ status }) => status === "SUCCESS")) failures.push("no check succeeded");
  // What is only informative counts events, and their number may differ from run to run.
  const decided = checks.filter(({ status }) => status !== "INFO");
  return { failures, checks: decided.map(({ id, status }) => `${id}: ${status}`) };
}

/** The suite writes one directory per scenario, named with the role in front and the time behind. */
async function readScenarios(directory: string): Promise<ReadonlyMap<string, Scenario>> {
  const scenarios = new Map<string, Scenario>();
  for (const file of globSync("*/checks.json", { cwd: directory })) {
    const name = basename(dirname(file)).replace(/^server-|-\d{4}-\d\d-\d\dT[\d-]+Z$/g, "");
    const checks: readonly Check[] = JSON.parse(await readFile(join(directory, file), "utf8"));
    scenarios.set(name, readScenario(checks));
  }
  return scenarios;
}

export function runSuite(url: string, revision: string): Promise<SuiteRun> {
  return runServerScenarios(url, ["--requirements", revision]);
}

export async function runScenario(url: string, revision: string, name: string): Promise<Scenario> {
  const { scenarios } = await runServerScenarios(url, ["--scenario", name, "--spec-version", revision]);
  const scenario = scenarios.get(name);
  if (scenario === undefined) throw new Error(`the suite reported nothing on ${name}`);
  return scenario;
}

async function runServerScenarios(url: string, which: readonly string[]): Promise<SuiteRun> {
  await using directory = await temporaryDirectory();
  const args = [suiteProgram, "server", "--url", asLocalhost(url), ...which, "-o", directory.path];
  await using child = await startChild(process.execPath, args, { cwd: directory.path });
  const exitCode = await waitForExit(child);
  return { exitCode, scenarios: await readScenarios(directory.path) };
}

/** Lets the suite run a client program against its own server; the names of the checks that failed. */
export async function runClientScenario(program: string, scenario: string): Promise<readonly string[]> {
  await using directory = await temporaryDirectory();
  const command = `${process.execPath} ${program}`;
  const args = [suiteProgram, "client", "--command", command, "--scenario", scenario, "--spec-version", "2026-07-28"];
  await using child = await startChild(process.execPath, [...args, "-o", directory.path], { cwd: directory.path });
  await waitForExit(child);
  const [file] = globSync("**/checks.json", { cwd: directory.path });
  if (file === undefined) throw new Error(`the suite reported nothing\n${child.output()}`);
  const checks: readonly (Check & { readonly name: string })[] = JSON.parse(
    await readFile(join(directory.path, file), "utf8"),
  );
  return checks.filter(({ status }) => status === "FAILURE").map(({ name }) => name);
}
