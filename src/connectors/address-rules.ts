// Which addresses a server may have that was named over REST or by a page: none of this machine, none of the network around it, unless allowed.
// Checked at each new socket, on the address that is then connected to, so that a name cannot change its mind in between.
import { type LookupAddress, lookup } from "node:dns";
import { lookup as lookupNow } from "node:dns/promises";
import net, { isIP, type LookupFunction } from "node:net";
import { ConfigError } from "../config/index.ts";

/**
 * Ranges that are not the public Internet's (IANA special-purpose registries), and those that lead to an IPv4 address inside an IPv6 one. ::ffff:0:0/96
 * is left out: `BlockList` takes such an address for the IPv4 address that it holds.
 */
const blocked = `
  0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24
  192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 ::/96 64:ff9b::/96
  64:ff9b:1::/48 2002::/16 2001::/32 2001:db8::/32 fc00::/7 fe80::/10 fec0::/10 ff00::/8`
  .trim()
  .split(/\s+/);

export interface AddressRules {
  /** Whether every address that the host leads to now is allowed; a name that leads nowhere is. */
  allowsNow(host: string): Promise<boolean>;
  isAllowed(address: string): boolean;
  /** As `dns.lookup`, for `net.connect`: fails with code ERR_ADDRESS_REFUSED if any address of the name is refused. */
  readonly lookup: LookupFunction;
}

/**
 * `allowed`: ranges like 10.1.0.0/16 that may be connected to all the same.
 * @throws ConfigError for what is no range
 */
export function openAddressRules(allowed: readonly string[]): AddressRules {
  const refused = listOf(blocked);
  const excepted = listOf(allowed);
  const isAllowed = (address: string): boolean => {
    const bare = address.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
    const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1] ?? bare;
    const version = isIP(plain);
    if (version === 0) return false;
    const family = version === 4 ? "ipv4" : "ipv6";
    return excepted.check(plain, family) || !refused.check(plain, family);
  };
  return {
    isAllowed,
    async allowsNow(host) {
      if (isIP(host) !== 0) return isAllowed(host);
      const found = await lookupNow(host, { all: true }).catch(() => []);
      return found.every(({ address }) => isAllowed(address));
    },
    lookup: (hostname, options, callback) => {
      lookup(hostname, { ...options, all: true }, (error, found) => {
        if (error !== null) return callback(error, "");
        const addresses: readonly LookupAddress[] = found;
        const [first] = addresses;
        if (first === undefined || addresses.some(({ address }) => !isAllowed(address)))
          return callback(new AddressRefused(), "");
        if (options.all === true) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      });
    },
  };
}

/** True if the URL's host is written as an address; such a one is connected to without any lookup. */
export function literalAddress(url: URL): string | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return isIP(host) === 0 ? undefined : host;
}

class AddressRefused extends Error {
  readonly code = "ERR_ADDRESS_REFUSED";

  constructor() {
    super("the name leads to an address that is not allowed");
  }
}

function listOf(ranges: readonly string[]): net.BlockList {
  const list = new net.BlockList();
  for (const range of ranges) {
    const [address = "", prefix = ""] = range.split("/");
    const version = isIP(address);
    const bits = prefix === "" ? (version === 4 ? 32 : 128) : Number(prefix);
    if (version === 0 || !Number.isInteger(bits) || bits < 0 || bits > (version === 4 ? 32 : 128))
      throw new ConfigError(`${JSON.stringify(range)} is no address range; give one like 10.0.0.0/8.`);
    list.addSubnet(address, bits, version === 4 ? "ipv4" : "ipv6");
  }
  return list;
}
