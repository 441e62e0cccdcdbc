export { type Endpoint, openEndpoint, type SharedParts } from "./endpoint.ts";
export {
  type Forwarding,
  type HttpServer,
  isLoopback,
  isSamePath,
  KeptBytes,
  listen,
  principalHeader,
  refuse,
  type Serve,
  trustedProxies,
} from "./ingress/index.ts";
