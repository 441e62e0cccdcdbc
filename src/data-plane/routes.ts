// Which path of a listener belongs to which of an endpoint's transports. Decides from the path alone.
import type { Endpoint } from "./endpoint.ts";
import {
  isSamePath,
  refuse,
  type Serve,
  type ServeShort,
  type ServeUpgrade,
  type ShortRequest,
} from "./ingress/index.ts";

/** Paths of one endpoint, each beginning with a slash. */
export interface EndpointPaths {
  /** Streamable HTTP, and WebSocket for clients that upgrade. */
  readonly mcp: string;
  /** The event stream of HTTP+SSE. */
  readonly sse: string;
  /** Where its messages are posted to. */
  readonly message: string;
  readonly webSocket: string;
  /** What stands before the message path in the endpoint event: "" for the stream's own origin. */
  readonly baseUrl: string;
}

export interface Routes {
  readonly route: (path: string) => Serve | undefined;
  /** What may come the short way: Streamable HTTP. */
  readonly shortRoute: (path: string, request: ShortRequest) => ServeShort | undefined;
  readonly upgrade: (path: string) => ServeUpgrade | undefined;
}

export function endpointRoutes(endpoint: Endpoint, paths: EndpointPaths): Routes {
  const openSse = endpoint.openSse(`${paths.baseUrl}${paths.message}`);
  return {
    route(path) {
      if (isSamePath(path, paths.mcp)) return endpoint.serve;
      // A server that Holdfast is the front of has all other paths to itself.
      if (endpoint.passThrough !== undefined) return endpoint.passThrough;
      if (isSamePath(path, paths.sse)) return openSse;
      if (isSamePath(path, paths.message)) return endpoint.postSse;
      if (isSamePath(path, paths.webSocket)) return webSocketOnly;
      return undefined;
    },
    shortRoute: (path, request) => (isSamePath(path, paths.mcp) ? endpoint.serveShort(request) : undefined),
    upgrade(path) {
      if (endpoint.passUpgrade !== undefined) return endpoint.passUpgrade;
      return isSamePath(path, paths.webSocket) || isSamePath(path, paths.mcp) ? endpoint.webSocket : undefined;
    },
  };
}

const webSocketOnly: Serve = (request, response, notes) => {
  refuse(request, response, notes, "WEBSOCKET_ONLY");
  return Promise.resolve();
};
