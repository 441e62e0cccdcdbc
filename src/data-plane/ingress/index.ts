export { isLoopback } from "./admission.ts";
export { frontHeaders, trustedProxies } from "./forward-headers.ts";
export { type HttpServer, listen, refuse, type Serve } from "./http-server.ts";
export { passThrough } from "./pass-through.ts";
export type { PrincipalRule } from "./principal.ts";
export { serveMcp } from "./streamable-http.ts";
