// A small MCP server that breaks on request: for the demo, for users' own clients, for tests. Part of no proxy's path.

export { runChaosCommand } from "./command.ts";
export { type Chaos, type ChaosOptions, startChaos } from "./server.ts";
