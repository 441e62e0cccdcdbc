// Real clients through Holdfast over a restart of supergateway, in the version that answers 400 and in the one with 404.
import { describe } from "node:test";
import { memoryBehindSupergateway } from "../support/upstreams.ts";
import { keepsEveryClientThroughRestart, memoryCalls } from "./restart.ts";

describe("supergateway 3.4.3, which answers a lost session with 400", () => {
  keepsEveryClientThroughRestart(() => memoryBehindSupergateway("3.4.3"), memoryCalls);
});

describe("supergateway 4.0.0, which answers a lost session with 404", () => {
  keepsEveryClientThroughRestart(() => memoryBehindSupergateway("4.0.0"), memoryCalls);
});
