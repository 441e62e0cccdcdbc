export { bridgeText, demoText, serverText } from "./announce.ts";
export { type BridgeFlags, buildProgram, type ChaosFlags, type Verbs } from "./program.ts";
export { readFlags } from "./read-flags.ts";
export { runUntilSignal } from "./run-until-signal.ts";
export { readServeFlags, type ServeFlags, serveText } from "./serve.ts";
