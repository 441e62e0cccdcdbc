// What of a server's address is secret: a path or a query is often all that keeps strangers out.
import type { ServerAddress } from "./connector-options.ts";

/** Shorter parts are words such as "mcp" and "api". */
const leastSegment = 8;

/** The address of a remote server as its server may repeat it: whole, from the path on, and the parts that look like keys. Of a program, nothing. */
export function addressWords(server: ServerAddress): readonly string[] {
  if (server.kind === "stdio") return [];
  const { href, pathname, search, searchParams, username, password } = server.url;
  const segments = pathname.split("/").filter((segment) => segment.length >= leastSegment);
  const paths = pathname === "/" ? [] : [`${pathname}${search}`, pathname];
  // As they stand in the address, and as a server reads them.
  const values = [
    ...search
      .slice(1)
      .split("&")
      .map((pair) => pair.slice(pair.indexOf("=") + 1)),
    ...searchParams.values(),
  ];
  return [href, ...paths, ...segments, ...values, username, password];
}
