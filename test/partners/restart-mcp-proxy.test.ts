// Real clients through Holdfast over a restart of mcp-proxy, whose 404 differs from supergateway's in its bytes.
import { describe } from "node:test";
import { mcpProxyMemory } from "../support/upstreams.ts";
import { keepsEveryClientThroughRestart, memoryCalls } from "./restart.ts";

describe("mcp-proxy, which answers a lost session with 404", () => {
  keepsEveryClientThroughRestart(mcpProxyMemory, memoryCalls);
});
