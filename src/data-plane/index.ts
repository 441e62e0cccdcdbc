export { type Endpoint, openEndpoint, type SharedParts } from "./endpoint.ts";
export {
  corsRule,
  type Forwarding,
  type HttpServer,
  isLoopback,
  KeptBytes,
  listen,
  principalHeader,
  refuse,
  type Serve,
  type StdioClient,
  trustedProxies,
} from "./ingress/index.ts";
export { StreamClock } from "./relay/index.ts";
export { type EndpointPaths, endpointRoutes, type Routes } from "./routes.ts";
