// Builds the program from its sources: a few files instead of a hundred, because each file that is looked for and read delays the start, and without
// what else delays it (docs/decisions/2026-11-29-what-a-start-reads.md). Types are tsc's part.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Plugin, rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
/** What every start needs. Other packages stay outside, as a user's own lockfile may mend them. */
const builtIn = ["commander", "sonic-boom", "atomic-sleep"];

/** Used by hardly any run, and slow to load: each is fetched where it is used. */
const fetchedLate = /^[ \t]*const (\w+) = (process\.getBuiltinModule\("node:(?:assert|child_process)"\));/gm;

function fetchLate(code: string): string {
  let late = code.replaceAll(fetchedLate, "");
  for (const [, name, fetching = ""] of code.matchAll(fetchedLate))
    late = late.replaceAll(new RegExp(`(?<![.\\w$])${name}(?=[.(])`, "g"), fetching);
  return late;
}

/**
 * Node's own modules without an import: importing one by its URL reads every export that it has, and some, such as process.stdin and the streams of
 * node:fs, are made only when they are read.
 */
const withoutFacades: Plugin = {
  name: "without-facades",
  renderChunk(code) {
    const plain = code
      .replaceAll(
        /^import (?:([\w$]+), )?\{([^}]*)\} from ("node:[\w/]+");/gm,
        (_line, whole, names: string, module) => {
          const fetching = `process.getBuiltinModule(${module})`;
          const taken = `const {${names.replaceAll(/([\w$]+) as ([\w$]+)/g, "$1: $2")}}`;
          return whole === undefined ? `${taken} = ${fetching};` : `const ${whole} = ${fetching}; ${taken} = ${whole};`;
        },
      )
      .replaceAll(/\b__require\("(?:node:)?([\w/]+)"\)/g, 'process.getBuiltinModule("node:$1")')
      .replaceAll(/^(?:import process from "node:process";|var __require = .*createRequire.*)$/gm, "")
      .replaceAll(/^import ([\w$]+) from "(node:[\w/]+)";/gm, 'const $1 = process.getBuiltinModule("$2");');
    // No line moves, so the source map stays as it is.
    return { code: fetchLate(plain), map: null };
  },
};

rmSync(`${root}dist`, { recursive: true, force: true });
await using bundle = await rolldown({
  cwd: root,
  input: { main: "src/main.ts", index: "src/index.ts" },
  platform: "node",
  external: (id) => /^[^./]/.test(id) && !builtIn.includes(id),
});
await bundle.write({
  dir: "dist",
  format: "esm",
  sourcemap: true,
  entryFileNames: "[name].js",
  chunkFileNames: "[name]-[hash].js",
  plugins: [withoutFacades],
  // Each with all that it imports. What is loaded late, a wire or a verb of the hub, stays by itself.
  codeSplitting: {
    groups: [
      { name: "proxy", test: /src\/(?:compose|store\/index)\.ts$/, priority: 1 },
      { name: "command-line", test: /src\/command-line\.ts$/ },
    ],
  },
});
const licences = builtIn.map((name) => `${name}\n\n${readFileSync(`${root}node_modules/${name}/LICENSE`, "utf8")}`);
writeFileSync(`${root}dist/THIRD-PARTY-LICENSES`, licences.join("\n\n"));
