// What a connector is: the plain values that are stored sealed, and the row around them. No live object.
import { type ConnectorOptions, connectorDefaults } from "../config/index.ts";
import type { WrittenServer } from "../config/servers/index.ts";
import type { StoredConnector } from "../store/index.ts";

/** What is absent was not known yet when the connector was stored, and has its default. */
export type SpecOptions = Pick<
  ConnectorOptions,
  "trusted" | "recovery" | "recoveryWindowMs" | "maxSessions" | "idleTimeoutMs"
> &
  Partial<Pick<ConnectorOptions, "maxMessageBytes" | "startTimeoutMs">>;

/** With the defaults of what is absent. */
export function optionsInForce({ options }: Pick<ConnectorSpec, "options">): Required<SpecOptions> {
  const { maxMessageBytes, startTimeoutMs } = connectorDefaults;
  return { maxMessageBytes, startTimeoutMs, ...options };
}

export interface ConnectorSpec {
  /** As the user wrote it: variables are filled in when it connects, so that a new value counts without a new command. Secret. */
  readonly server: WrittenServer;
  readonly headers: Readonly<Record<string, string>>;
  readonly options: SpecOptions;
  /** `file`: kept in the file of --config, which alone may change it. */
  readonly source: "store" | "file";
  /** Path of that file. */
  readonly file?: string | undefined;
  /** What that file said last of whether it is connected: when it says something else, that counts, and until then what was asked for since. */
  readonly fileWanted?: "connected" | "disconnected" | undefined;
  /** `machine`: typed on the command line or written into the file by whoever runs the hub, so it may name a local address. */
  readonly from: "machine" | "api";
}

export interface ConnectorRecord extends Omit<StoredConnector, "sealed"> {
  readonly spec: ConnectorSpec;
}

/** Which change to a connector ends its sessions: another server, or other credentials toward it. */
export function isSameServer(a: ConnectorSpec, b: ConnectorSpec): boolean {
  const essence = ({ server, headers }: ConnectorSpec) => JSON.stringify([inOrder(server), inOrder(headers)]);
  return essence(a) === essence(b);
}

/** Whether a credential that was made out for the one may go to the other. */
export function isSameAddress(a: ConnectorSpec, b: ConnectorSpec): boolean {
  return JSON.stringify(inOrder(a.server)) === JSON.stringify(inOrder(b.server));
}

function inOrder(object: object): unknown {
  return Object.entries(object).sort(([x], [y]) => (x < y ? -1 : 1));
}
