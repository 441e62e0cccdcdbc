// A hub with one connector, `one`, in front of a faulty server that the test orders about.
import assert from "node:assert/strict";
import { type Chaos, startChaos } from "../../src/chaos/index.ts";
import { type Hub, startHub } from "../support/hub.ts";
import type { ChaosState, Message } from "./recovery-scene.ts";

export interface HubStage extends AsyncDisposable {
  readonly hub: Hub;
  readonly chaos: Chaos;
  /** Where clients of the connector go. */
  readonly endpoint: string;
  readonly order: (order: object) => Promise<void>;
  state(): Promise<ChaosState>;
}

/** `more`: settings of the connector beside its address. Resolves when it is connected. */
export async function openHubStage(more: Message = {}): Promise<HubStage> {
  await using resources = new AsyncDisposableStack();
  const chaos = await startChaos();
  resources.defer(() => chaos.close());
  const hub = resources.use(await startHub({ args: ["--no-demo"] }));
  await hub.addLocal("one", httpServer(chaos), more);
  await hub.until("one", "connected");
  const owned = resources.move();
  return {
    hub,
    chaos,
    endpoint: `${hub.url}/c/one/mcp`,
    order: async (order) => {
      const answer = await fetch(chaos.controlUrl, { method: "POST", body: JSON.stringify(order) });
      assert.equal(answer.status, 200, await answer.text());
    },
    state: async () => (await (await fetch(chaos.controlUrl)).json()) as ChaosState,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Its address as a connector has it. */
export const httpServer = (chaos: Chaos) => ({ kind: "http", url: chaos.url, wire: "streamable-http" });
