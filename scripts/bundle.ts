// Builds the program from its sources: a few files instead of a hundred, because each file that is looked for and read delays the start.
// Packages stay outside, as a user's own lockfile may mend them. Types are tsc's part.
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));

rmSync(`${root}dist`, { recursive: true, force: true });
await using bundle = await rolldown({
  cwd: root,
  input: { main: "src/main.ts", index: "src/index.ts" },
  platform: "node",
  external: [/^node:/, /^[^./]/],
});
await bundle.write({
  dir: "dist",
  format: "esm",
  sourcemap: true,
  entryFileNames: "[name].js",
  chunkFileNames: "[name]-[hash].js",
});
