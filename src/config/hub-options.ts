// What a hub can be told at its start. Reads no argv and no file.
import { type ListenerOptions, listenerDefaults } from "./bridge-options.ts";

export interface HubOptions extends Omit<ListenerOptions, "token" | "dataDir"> {
  readonly dataDir: string;
  /** The connectors' file, which is followed; undefined: the store alone. */
  readonly configFile: string | undefined;
  /** Programs to run, and variables of the hub's environment, are taken over REST. */
  readonly allowStdioOverApi: boolean;
  /** Ranges like 10.0.0.0/8 that a connector added over REST may lead to. */
  readonly allowPrivateAddresses: readonly string[];
  /** MCP endpoints ask for a token even on this machine. */
  readonly requireToken: boolean;
  readonly version: string;
  /** A new data directory gets a connector in front of a faulty server of our own. */
  readonly demo: boolean;
}

export const hubDefaults = {
  ...listenerDefaults,
  configFile: undefined,
  allowStdioOverApi: false,
  allowPrivateAddresses: [],
  requireToken: false,
  demo: true,
} as const;
