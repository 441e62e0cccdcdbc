export { announce, pageDigest } from "./announce-changes.ts";
export { assertAccepted } from "./assert-accepted.ts";
export { type Away, connectFault, isGatewayAway, isGatewayTimeout, isNotSendable } from "./availability.ts";
export { AwaitedAnswer } from "./awaited-answer.ts";
export { type CallContext, type CallOutcome, callServer, contextHeaders } from "./call-server.ts";
export {
  type Connector,
  type ConnectorSettings,
  openConnector,
  type RecoveryMode,
  refusedCredential,
} from "./connector.ts";
export {
  asObject,
  endUpstreamSession,
  type Fresh,
  initializeAnew,
  readServerFacts,
} from "./initialize.ts";
export { type InLine, Line } from "./line.ts";
export { type ProbeOutcome, probe } from "./probe.ts";
export { firstMessage, type JsonObject, matching, parseObject, parseObjects } from "./read-answer.ts";
export { isRefusedSession, notify, request } from "./restore.ts";
export { isCredentialRefusal, isSameCredential, RestoreRefused } from "./restore-refused.ts";
export { listening, originOf, ServerCors } from "./server-cors.ts";
export { readCookies, staleCookies, withSessionCookies } from "./session-cookies.ts";
export { type MoveCounts, type SessionLimits, SessionManager } from "./session-manager.ts";
export { SignedTransport } from "./signed-transport.ts";
export { type ListMethod, listMethods, type Snapshot } from "./snapshot.ts";
export type { Lease, OpenCall, UpstreamSession } from "./upstream-session.ts";
