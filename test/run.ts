// Runs every test and ends by naming those that could not run here and what brings their part.
// Tests of many minutes lie in test/long and run only where they are named (`npm run test:long`), which this says as well.
// `node test/run.ts [files...]`; with HOLDFAST_ALL_PARTS=1 a test that could not run fails the whole.
import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const named = process.argv.slice(2);
const everything = { exclude: ["test/long/**"] };
const files = named.length > 0 ? named : globSync(["src/**/*.test.ts", "test/**/*.test.ts"], everything).sort();
const longestRunMs = 24 * 60_000;
const scratch = mkdtempSync(join(tmpdir(), "holdfast-test-run-"));
const notRunFile = join(scratch, "not-run");
writeFileSync(notRunFile, "");

const runner = spawn(
  process.execPath,
  ["--test", "--test-concurrency=2", "--test-timeout=600000", "--test-reporter=spec", ...files],
  { stdio: "inherit", env: { ...process.env, HOLDFAST_TESTS_NOT_RUN: notRunFile } },
);
// A test file that its own timeouts cannot end (a child left open) would otherwise hold the run for ever. Forcing each file to exit is no way out: results are lost.
const limit = setTimeout(() => {
  process.stdout.write(`\nThe run was ended after ${longestRunMs / 60_000} minutes.\n`);
  runner.kill("SIGKILL");
}, longestRunMs);
const code = await new Promise<number>((resolve) => runner.once("exit", (status) => resolve(status ?? 1)));
const notRun = readFileSync(notRunFile, "utf8").trim();
clearTimeout(limit);
rmSync(scratch, { recursive: true, force: true });

if (notRun !== "") process.stdout.write(`\nThese tests could not run here:\n  ${notRun.replaceAll("\n", "\n  ")}\n`);
if (named.length === 0) process.stdout.write("\nThe tests of many minutes are not among these: npm run test:long\n");
process.exitCode = notRun !== "" && process.env["HOLDFAST_ALL_PARTS"] === "1" ? 1 : code;
