export { isModernBody, isModernExchange } from "./eras.ts";
export { openLegacyFace } from "./legacy-face/open-legacy-face.ts";
export { openModern } from "./open-modern.ts";
export { type ModernEndpoint, serveModern } from "./serve-modern.ts";
export { ServerErasMemory } from "./server-eras.ts";
export {
  type Ask,
  type AskAnswer,
  answerToLegacy,
  answerToModern,
  askToLegacy,
  askToModern,
  capabilityFor,
  inputRequired,
  type LegacyAsk,
  readAsks,
  refusalToLegacy,
  urlAsksOf,
  writeResponses,
} from "./translate/asks.ts";
export {
  type ClientFacts,
  clientCapabilitiesToLegacy,
  clientCapabilitiesToModern,
  readInitialize,
  readRequestMeta,
  revisionFor,
  writeInitialize,
} from "./translate/client-facts.ts";
export {
  errorResponse,
  errorToLegacy,
  errorToModern,
  isBridgeFault,
  type ModernError,
  resultResponse,
  statusOf,
} from "./translate/errors.ts";
export {
  decodeHeaderValue,
  encodeHeaderValue,
  headerMismatch,
  headersToModern,
  modernHeaders,
  type ParamHeader,
  paramHeadersOf,
} from "./translate/modern-headers.ts";
export {
  cancelledId,
  grant,
  isEmptyFilter,
  isListenedFor,
  isLoggedFor,
  isLogLevel,
  type ListenFilter,
  listenFilterFor,
  missedChanges,
  mostVerbose,
  notificationToLegacy,
  notificationToModern,
  readFilter,
  withProgressToken,
  writeAcknowledged,
  writeCancelled,
  writeListen,
  writeListenEnd,
} from "./translate/notifications.ts";
export {
  isLegacyOnly,
  type LocalAnswer,
  legacyLocalAnswer,
  logLevelOf,
  progressTokenOf,
  readRetry,
  requestToLegacy,
  requestToModern,
  splitBatch,
  type ToLegacyOptions,
  type ToModernOptions,
} from "./translate/requests.ts";
export {
  type LegacyResult,
  needsWrapping,
  resultToLegacy,
  resultToModern,
  toolsOf,
} from "./translate/results.ts";
export {
  discoverToInitialize,
  initializeToDiscover,
  serverCapabilitiesToLegacy,
  serverCapabilitiesToModern,
} from "./translate/server-facts.ts";
export {
  callAsTask,
  insistsOnTask,
  taskIdOf,
  writeTaskCancel,
  writeTaskResult,
} from "./translate/tasks.ts";
