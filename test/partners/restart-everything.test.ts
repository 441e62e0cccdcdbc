// Real clients through Holdfast over a restart of server-everything, which answers a lost session with 400.
import { describe } from "node:test";
import { everything } from "../support/upstreams.ts";
import { everythingCalls, keepsEveryClientThroughRestart } from "./restart.ts";

describe("server-everything, which answers a lost session with 400", () => {
  keepsEveryClientThroughRestart(everything, everythingCalls);
});
