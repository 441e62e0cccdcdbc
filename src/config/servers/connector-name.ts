// A connector's name made of whatever a config file calls a server. Pure.
import { ConfigError } from "../index.ts";

/** As the API takes it: it stands in the path /c/NAME/mcp without an escape. */
const usable = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Spaces and the like become hyphens; a usable name stays as it is.
 * @throws ConfigError for a name of which nothing is left
 */
export function connectorName(name: string): string {
  if (usable.test(name)) return name;
  const plain = name
    .normalize("NFKD")
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
    .replaceAll(/^[^A-Za-z0-9]+|-+$/g, "")
    .slice(0, 64);
  if (usable.test(plain)) return plain;
  throw new ConfigError(
    `${JSON.stringify(name.slice(0, 64))} cannot become a connector's name. Rename it in the file.`,
  );
}
