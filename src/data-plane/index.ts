export { runDoctor } from "./doctor/index.ts";
export { type Endpoint, type HubParts, openEndpoint, type SharedParts } from "./endpoint.ts";
export {
  type BodyLimits,
  corsRule,
  type ExchangeNotes,
  type Forwarding,
  type HttpRequest,
  type HttpServer,
  isLoopback,
  KeptBytes,
  listen,
  principalHeader,
  refuse,
  refuseOnSocket,
  type Serve,
  type ServeShort,
  type ServeUpgrade,
  type ShortRequest,
  type StdioClient,
  serveRefusal,
  trustedProxies,
} from "./ingress/index.ts";
export { StreamClock, StreamJournal } from "./relay/index.ts";
export { type EndpointPaths, endpointRoutes, type Routes } from "./routes.ts";
export { type ProbeOutcome, probe, type UpstreamSession } from "./session/index.ts";
