export {
  credentialOf,
  type Forwarding,
  frontHeaders,
  type HttpServer,
  isLoopback,
  isSamePath,
  KeptBytes,
  listen,
  passThrough,
  principalHeader,
  refuse,
  type Serve,
  serveMcp,
  trustedProxies,
} from "./ingress/index.ts";
export { Streams } from "./relay/index.ts";
export { type Connector, openConnector, SessionManager } from "./session/index.ts";
export { openStreamableHttp } from "./transport/index.ts";
