export { type Endpoint, openEndpoint, type SharedParts } from "./endpoint.ts";
export {
  type Forwarding,
  type HttpServer,
  isLoopback,
  KeptBytes,
  listen,
  principalHeader,
  refuse,
  type Serve,
  trustedProxies,
} from "./ingress/index.ts";
export { type EndpointPaths, endpointRoutes, type Routes } from "./routes.ts";
