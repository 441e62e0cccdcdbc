export { askUpgrade, type UpgradeReply } from "./ask-upgrade.ts";
export { LineFramer } from "./line-framer.ts";
export { openTransport, type TransportOptions } from "./open-transport.ts";
export { PushBody, wholeReply } from "./push-body.ts";
export type { BodySink, Reply, ReplyBody, ReplyHeaders } from "./reply.ts";
export type { Transport, WireRequest } from "./streamable-http.ts";
export { WireFault } from "./wire-fault.ts";
