#!/usr/bin/env node
// The process: says which Node it needs, then hands argv to the command line. Holds no logic of its own, so that it loads on any Node.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`holdfast needs Node 22.18 or newer; this is ${process.versions.node}.\n`);
  process.exitCode = 1;
} else {
  process.getBuiltinModule("node:module").enableCompileCache();
  const { runCommandLine } = await import("./command-line.ts");
  await runCommandLine(process.argv.slice(2));
}
