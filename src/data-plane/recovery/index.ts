export { classifyInitialize, classifyLost, classifyReply, classifyStreamEnd, mentionsError } from "./classify.ts";
export type { Fault, ReplyFacts, RequestFacts } from "./fault.ts";
export { type Action, decide, type FirstStep, policy, type RequestState } from "./policy.ts";
export { type CloseReason, type Effect, next, type SessionEvent, type SessionState } from "./session-machine.ts";
