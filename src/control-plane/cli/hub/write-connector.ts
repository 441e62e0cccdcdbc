// Writes what is typed on this machine into the store, where a hub that runs sees it, and waits until that hub has taken it up.
import type { ConnectorRecord } from "../../../connectors/index.ts";
import type { ConnectorView } from "../../api/schema.ts";
import { dataDirOf, findRunning } from "./open-hub.ts";
import { type LocalStore, openLocalStore } from "./store-client.ts";
import type { Terminal } from "./terminal.ts";
import { viewOf } from "./view-of.ts";

/** The connector as the running hub shows it, or as it stands in the store. */
export async function writeConnector(
  flags: { readonly dataDir?: string },
  terminal: Terminal,
  write: (connectors: LocalStore["connectors"]) => Promise<ConnectorRecord>,
): Promise<ConnectorView> {
  const dataDir = dataDirOf(flags);
  const running = await findRunning(dataDir);
  await using store = await openLocalStore(dataDir);
  const record = await write(store.connectors);
  if (running === undefined) {
    terminal.note(`Written to the store in ${dataDir}; no hub runs.`);
    return viewOf(record);
  }
  try {
    await running.reload();
    const view = await running.get(record.name);
    terminal.note(`Written to the store, and taken up by ${running.where}.`);
    return view;
  } catch (error) {
    terminal.note(`Written to the store; ${running.where} has not taken it up: ${(error as Error).message}`);
    return viewOf(record);
  }
}
