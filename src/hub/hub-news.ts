// Tells whoever listens what changed, several changes as one, and a trouble only once it lasts. Changes nothing itself.
import type { Actual, ConnectorRecord, InspectorNews, SessionFacts } from "../connectors/index.ts";
import { connectorView, exchangeView, Live, restoreView, sessionView } from "../control-plane/api/index.ts";
import type { SignInFacts } from "../credentials/index.ts";
import type { HubConnector } from "./hub-connector.ts";

/** Changes of one connector within this time are told as one. */
const gatherMs = 50;
/** A trouble is shown once it has lasted a second; whoever listens is told again then. */
const shownMs = 1_050;
/** How often the time of the last good exchange is told while exchanges go on. */
const freshMs = 5_000;

export interface NewsSource {
  readonly url: string;
  actual(name: string): Actual<HubConnector> | undefined;
  readonly signIns: { facts(record: ConnectorRecord): SignInFacts | undefined };
}

export class HubNews {
  readonly live = new Live();
  readonly #hub: NewsSource;
  readonly #due = new Map<string, NodeJS.Timeout>();
  readonly #again = new Map<string, NodeJS.Timeout>();
  readonly #told = new Map<string, number>();

  constructor(hub: NewsSource) {
    this.#hub = hub;
  }

  changed(name: string): void {
    if (!this.live.isHeard || this.#due.has(name)) return;
    this.#due.set(name, setTimeout(() => this.#tell(name), gatherMs).unref());
  }

  inspected(name: string, news: InspectorNews): void {
    if (!this.live.isHeard) return;
    if (news.type === "restore") {
      this.live.publish(() => ({ type: "restore", restore: restoreView(name, news.restore) }));
      return;
    }
    this.live.publish(() => ({ type: "exchange", exchange: exchangeView(news.exchange) }));
    if (Date.now() - (this.#told.get(name) ?? 0) > freshMs) this.changed(name);
  }

  sessionChanged(name: string, session: string, isOver: boolean): void {
    if (!this.live.isHeard) return;
    if (isOver) return this.live.publish(() => ({ type: "session-ended", connector: name, session }));
    // What is told is how it stands once the change is complete.
    setImmediate(() => {
      const facts = this.#facts(name, session);
      if (facts !== undefined) this.live.publish(() => ({ type: "session", session: sessionView(name, facts) }));
    });
  }

  close(): void {
    for (const timer of [...this.#due.values(), ...this.#again.values()]) clearTimeout(timer);
    this.live.close();
  }

  #tell(name: string): void {
    this.#due.delete(name);
    const nowMs = Date.now();
    const actual = this.#hub.actual(name);
    if (actual === undefined) {
      this.#told.delete(name);
      return this.live.publish(() => ({ type: "connector-removed", name }));
    }
    this.#told.set(name, nowMs);
    const view = (atMs: number) => connectorView(actual, this.#hub.url, atMs, this.#hub.signIns.facts(actual.record));
    this.live.publish(() => ({ type: "connector", connector: view(nowMs) }));
    if (actual.opened?.evidence.isGood !== false || this.#again.has(name)) return;
    const again = setTimeout(() => {
      this.#again.delete(name);
      this.changed(name);
    }, shownMs);
    this.#again.set(name, again.unref());
  }

  #facts(name: string, session: string): SessionFacts | undefined {
    return this.#hub.actual(name)?.opened?.sessionFacts(session);
  }
}
