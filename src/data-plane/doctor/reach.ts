// The way to a host: its name, its port, its certificate. Each step connects anew, says what it saw, and is bounded in time.
import { lookup as lookUp } from "node:dns";
import { connect, isIP, type LookupFunction, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Finding } from "./report.ts";

export interface Place {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly lookup: LookupFunction | undefined;
}

const ports: Readonly<Record<string, number>> = { "http:": 80, "ws:": 80, "https:": 443, "wss:": 443 };

export function placeOf(url: URL, lookup?: LookupFunction): Place {
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? (ports[url.protocol] ?? 443) : Number(url.port),
    secure: url.protocol === "https:" || url.protocol === "wss:",
    lookup,
  };
}

export async function resolveName({ host, lookup }: Place, timeoutMs: number): Promise<Finding> {
  if (isIP(host) !== 0)
    return { outcome: "skipped", sentence: "The URL holds an address, so there is no name to look up." };
  const found = await Promise.race([addressesOf(host, lookup ?? lookUp), after(timeoutMs)]);
  if (found?.addresses !== undefined) return { outcome: "ok", sentence: `${host} is ${found.addresses.join(", ")}.` };
  const code = found === undefined ? "ETIMEDOUT" : found.code;
  if (code === "ERR_ADDRESS_REFUSED")
    return failed(
      `The name ${host} leads to an address of this machine or a private network, where this connector may not go.`,
      "Add it with holdfast add on the hub's machine, or allow the range with --allow-private-addresses.",
    );
  return code === "ENOTFOUND"
    ? failed(
        `The name ${host} does not exist.`,
        "Check the spelling of the host in the URL; inside a VPN, check that it is connected.",
      )
    : failed(
        `The name ${host} cannot be looked up (${code ?? "unknown reason"}).`,
        "Check the network and its DNS server.",
      );
}

type Found =
  | { readonly addresses: readonly string[]; readonly code?: undefined }
  | { readonly addresses?: undefined; readonly code: string | undefined };

function addressesOf(host: string, lookup: LookupFunction): Promise<Found> {
  return new Promise((resolve) => {
    lookup(host, { all: true }, (error, found) => {
      if (error !== null) resolve({ code: error.code });
      else resolve({ addresses: typeof found === "string" ? [found] : found.map(({ address }) => address) });
    });
  });
}

export async function openPort(place: Place, timeoutMs: number): Promise<Finding> {
  const where = printablePlace(place);
  const socket = connect({ host: place.host, port: place.port, ...withLookup(place) });
  const code = await settled(socket, "connect", timeoutMs);
  if (code === undefined) return { outcome: "ok", sentence: `${where} accepts connections.` };
  if (code === "ECONNREFUSED")
    return failed(`Nothing listens on ${where}.`, "Start the server, or mend the port in the URL.");
  if (code === "ETIMEDOUT")
    return failed(
      `${where} does not answer within ${timeoutMs / 1_000} s.`,
      "Check that the machine is up and that no firewall drops the connection.",
    );
  return failed(`${where} cannot be reached (${code}).`, "Check the network between here and the server.");
}

export async function shakeHands(place: Place, timeoutMs: number): Promise<Finding> {
  if (!place.secure) return { outcome: "skipped", sentence: "The URL is plain HTTP." };
  const { host, port } = place;
  // Imported by name, it would make every start read the certificates of all authorities.
  const socket = process.getBuiltinModule("node:tls").connect({
    host,
    port,
    ...withLookup(place),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ALPNProtocols: ["http/1.1"],
  });
  const code = await settled(socket, "secureConnect", timeoutMs);
  if (code === undefined) return { outcome: "ok", sentence: `The certificate of ${host} is good.` };
  const [sentence, action] = tlsFault(code, host, timeoutMs);
  return failed(sentence, action);
}

const ownCa =
  "If you trust who signed it, start Holdfast with NODE_EXTRA_CA_CERTS naming their certificate; otherwise mend the server's.";

function tlsFault(code: string, host: string, timeoutMs: number): readonly [string, string] {
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return [`The certificate of ${host} has expired.`, "Renew the server's certificate."];
    case "CERT_NOT_YET_VALID":
      return [`The certificate of ${host} is not valid yet.`, "Check the clock of this machine."];
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
      return [`The certificate of ${host} is signed by itself.`, ownCa];
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return [`Who signed the certificate of ${host} is unknown here.`, ownCa];
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return [`The certificate is for another name than ${host}.`, "Check the host in the URL."];
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
    case "EPROTO":
      return ["This port does not speak TLS.", "Write http:// in the URL, or mend the port."];
    case "ETIMEDOUT":
      return [
        `The TLS handshake is not finished within ${timeoutMs / 1_000} s.`,
        "Check the port: what listens there may not speak TLS.",
      ];
    default:
      return [`The TLS handshake fails (${code}).`, "Check the server's TLS settings."];
  }
}

/** Undefined when the event came, otherwise the error's code; the socket is gone either way. */
function settled(
  socket: Socket | TLSSocket,
  event: "connect" | "secureConnect",
  timeoutMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const settle = (code: string | undefined) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(code);
    };
    const timer = setTimeout(() => settle("ETIMEDOUT"), timeoutMs);
    socket.once(event, () => settle(undefined));
    socket.on("error", (error: NodeJS.ErrnoException) => settle(codeOf(error)));
    socket.once("close", () => settle("ECONNRESET"));
  });
}

/** Both address families may have been tried; the first refusal speaks for them. */
function codeOf(error: NodeJS.ErrnoException): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return error.code ?? (first as NodeJS.ErrnoException | undefined)?.code ?? "unknown reason";
}

function withLookup({ lookup }: Place) {
  return lookup === undefined ? {} : { lookup };
}

function printablePlace({ host, port }: Place): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function failed(sentence: string, action: string): Finding {
  return { outcome: "failed", sentence, action };
}

function after(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms, undefined).unref());
}
