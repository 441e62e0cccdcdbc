// Builds the program from its sources: a few files instead of a hundred, because each file that is looked for and read delays the start, and without
// what else delays it (docs/decisions/2026-11-29-what-a-start-reads.md). Types are tsc's part.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Plugin, rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
/** What every start needs. Other packages stay outside, as a user's own lockfile may mend them. */
const builtIn = ["commander", "sonic-boom", "atomic-sleep"];

/**
 * Node's own modules without an import: importing one by its URL reads every export that it has, and some, such as process.stdin and the streams of
 * node:fs, are made only when they are read.
 */
const withoutFacades: Plugin = {
  name: "without-facades",
  renderChunk(code) {
    const plain = code
      .replaceAll(/^import \{([^}]*)\} from "(node:[\w/]+)";/gm, (_line, names: string, module: string) => {
        const taken = names.replaceAll(/([\w$]+) as ([\w$]+)/g, "$1: $2");
        return `const {${taken}} = process.getBuiltinModule("${module}");`;
      })
      .replaceAll(/\b__require\("(?:node:)?([\w/]+)"\)/g, 'process.getBuiltinModule("node:$1")')
      .replaceAll(/^(?:import process from "node:process";|var __require = .*createRequire.*)$/gm, "")
      .replaceAll(/^import ([\w$]+) from "(node:[\w/]+)";/gm, 'const $1 = process.getBuiltinModule("$2");');
    // No line moves, so the source map stays as it is.
    return { code: plain, map: null };
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
});
const licences = builtIn.map((name) => `${name}\n\n${readFileSync(`${root}node_modules/${name}/LICENSE`, "utf8")}`);
writeFileSync(`${root}dist/THIRD-PARTY-LICENSES`, licences.join("\n\n"));
