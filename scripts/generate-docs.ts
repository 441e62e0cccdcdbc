// Writes the pages of docs/ that come from source; with --check writes nothing and fails when one is stale. Holds no text of its own.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { cliSchemaPage } from "../src/control-plane/cli/verbs/schema.ts";
import { recoveryPage } from "../src/data-plane/recovery/docs.ts";
import { errorsPage } from "../src/errors/docs.ts";

interface Page {
  /** From the repository's root. */
  readonly path: string;
  readonly render: () => string;
}

/** A page more is a line more. */
const pages: readonly Page[] = [
  { path: "docs/cli-schema.json", render: cliSchemaPage },
  { path: "docs/errors.md", render: errorsPage },
  { path: "docs/recovery.md", render: recoveryPage },
];

const check = process.argv.includes("--check");
for (const { path, render } of pages) {
  const file = new URL(`../${path}`, import.meta.url);
  const wanted = render();
  if ((await readFile(file, "utf8").catch(() => undefined)) === wanted) continue;
  if (check) {
    process.stderr.write(`${path} is stale: run node scripts/generate-docs.ts\n`);
    process.exitCode = 1;
    continue;
  }
  await mkdir(dirname(file.pathname), { recursive: true });
  await writeFile(file, wanted);
  process.stdout.write(`wrote ${path}\n`);
}
