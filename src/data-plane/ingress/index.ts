export { isLoopback, isSamePath } from "./admission.ts";
export { type Forwarding, frontHeaders, trustedProxies } from "./forward-headers.ts";
export { type HttpServer, listen, refuse, type Serve } from "./http-server.ts";
export { KeptBytes } from "./kept-bytes.ts";
export { passThrough } from "./pass-through.ts";
export { credentialOf, type PrincipalRule, principalHeader } from "./principal.ts";
export type { BodyLimits } from "./read-body.ts";
export { serveMcp } from "./streamable-http.ts";
