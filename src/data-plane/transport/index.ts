export type { BodySink, Reply, ReplyBody, ReplyHeaders } from "./reply.ts";
export { openStreamableHttp, type Transport, type WireRequest } from "./streamable-http.ts";
