export { bridgeText, demoText, serverText } from "./announce.ts";
export type { LocalParts } from "./hub/local-parts.ts";
export { isHubVerb, runHubVerb } from "./hub-verbs.ts";
export { type BridgeFlags, buildProgram, type ChaosFlags, type Verbs } from "./program.ts";
export { readFlags } from "./read-flags.ts";
export { onHangup, runUntilSignal } from "./run-until-signal.ts";
export { readServeFlags, type ServeFlags, serveText } from "./serve.ts";
