// What of a client's request headers goes to the server in front mode, where the operator runs the server: everything but what belongs to one connection.
// BlockList is loaded when it is first named, which most programs need not.
import net, { isIP } from "node:net";
import { hopByHop, lastEventIdHeader, protocolVersionHeader, sessionIdHeader } from "../../protocol/index.ts";
import type { HttpRequest } from "./http-request.ts";

/** Peers whose X-Forwarded-* are believed. */
export interface TrustedProxies {
  trusts(address: string | undefined): boolean;
}

/** @throws Error naming the entry that is neither an address nor a CIDR range */
export function trustedProxies(entries: readonly string[]): TrustedProxies {
  if (entries.length === 0) return { trusts: () => false };
  const list = new net.BlockList();
  for (const entry of entries) {
    const [address = "", bits, ...more] = entry.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    const longest = family === "ipv6" ? 128 : 32;
    const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    if (isIP(address) === 0 || !(prefix <= longest) || more.length > 0) {
      throw new Error(`${JSON.stringify(entry)} is no address and no CIDR range such as 10.0.0.0/8.`);
    }
    list.addSubnet(address, prefix, family);
  }
  return {
    trusts(address) {
      if (address === undefined) return false;
      const plain = address.startsWith("::ffff:") ? address.slice(7) : address;
      return list.check(plain, isIP(plain) === 6 ? "ipv6" : "ipv4");
    },
  };
}

/** Set anew for each request, or forwarded only from a proxy that is trusted to have set them. */
const forwarded = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"] as const;
/** Handled by the relay itself, with values of the upstream session. */
const relayed: ReadonlySet<string> = new Set([
  "accept",
  "content-type",
  "content-length",
  "accept-encoding",
  sessionIdHeader,
  protocolVersionHeader,
  lastEventIdHeader,
]);
const nothing: ReadonlySet<string> = new Set();
/** Read by us from the first line alone, so the server must not be able to read another one. */
const single: ReadonlySet<string> = new Set(["authorization", "host"]);

/** What decides which headers cross in front mode. */
export interface Forwarding {
  readonly proxies: TrustedProxies;
  /** The operator's own headers, flat; they win over the client's of the same name. */
  readonly own: readonly string[];
  /** The header in which a trusted proxy names the user (`--principal header:NAME`), in lower case. */
  readonly principalHeader: string | undefined;
}

/** Flat names and values of a request at the MCP endpoint. */
export function frontHeaders(request: HttpRequest, forwarding: Forwarding): string[] {
  const { own } = forwarding;
  return [...passedOn(request, forwarding, relayed), ...forwardedHeaders(request, forwarding.proxies), ...own];
}

/** As `frontHeaders`, for exchanges that belong to no session: there nothing is Holdfast's business. */
export function passThroughHeaders(request: HttpRequest, forwarding: Forwarding): string[] {
  const headers = passedOn(request, { ...forwarding, own: [] }, nothing);
  return [...headers, ...forwardedHeaders(request, forwarding.proxies)];
}

function passedOn(request: HttpRequest, forwarding: Forwarding, left: ReadonlySet<string>): string[] {
  const ownNames = new Set(forwarding.own.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()));
  const listed = new Set(
    (request.headers.connection ?? "")
      .toLowerCase()
      .split(",")
      .map((name) => name.trim()),
  );
  const trusted = forwarding.proxies.trusts(request.socket.remoteAddress);
  const seen = new Set<string>();
  const headers: string[] = [];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] as string;
    const lower = name.toLowerCase();
    if (left.has(lower) || hopByHop.has(lower) || listed.has(lower) || ownNames.has(lower)) continue;
    // What comes by way of CGI cannot tell one from the other.
    const dashed = lower.replaceAll("_", "-");
    if (lower === "expect" || isSetAnew(dashed) || (!trusted && isClaim(dashed, forwarding))) continue;
    if (single.has(lower) && seen.has(lower)) continue;
    seen.add(lower);
    headers.push(name, request.rawHeaders[index + 1] as string);
  }
  return headers;
}

function isSetAnew(name: string): boolean {
  return (forwarded as readonly string[]).includes(name);
}

/** Says where a request comes from or who sent it, which is a proxy's word and not a client's. */
function isClaim(name: string, { principalHeader }: Forwarding): boolean {
  return (
    name.startsWith("x-forwarded-") ||
    name === "forwarded" ||
    name === "x-real-ip" ||
    name === principalHeader?.replaceAll("_", "-")
  );
}

function forwardedHeaders(request: HttpRequest, proxies: TrustedProxies): string[] {
  const peer = request.socket.remoteAddress;
  const trusted = proxies.trusts(peer);
  const given = (name: (typeof forwarded)[number]): string | undefined => {
    const value = request.headers[name];
    return trusted && value !== undefined ? String(value) : undefined;
  };
  const before = given("x-forwarded-for");
  const from = [before, peer].filter((address) => address !== undefined).join(", ");
  const host = given("x-forwarded-host") ?? request.headers.host ?? "";
  return ["x-forwarded-for", from, "x-forwarded-proto", given("x-forwarded-proto") ?? "http", "x-forwarded-host", host];
}
