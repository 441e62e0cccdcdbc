// What `npm start` runs: the hub, with flags of its own if any are given; or, where a server or a verb is named, what the program itself makes of it.
// `npm start`, `npm start -- --port 0`, `npm start -- https://example.com/mcp`, `npm start -- -- npx some-stdio-server`.
import { fileURLToPath } from "node:url";

const main = new URL("../dist/main.js", import.meta.url);
const typed = process.argv.slice(2);
const [first] = typed;
const isForHub = first === undefined || (first.startsWith("-") && first !== "--");
process.argv = [process.execPath, fileURLToPath(main), ...(isForHub ? ["serve"] : []), ...typed];
await import(main.href);
