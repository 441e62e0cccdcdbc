// The connections to one origin: any number at once, the last that was freed first, and none that its server has given up.

import { monotonicMs } from "../../../protocol/index.ts";
import { Origin, type OriginParts } from "./connect.ts";
import { Connection, type ConnectionOwner, type Outgoing } from "./connection.ts";
import { RequestLines } from "./request-head.ts";

const sweepMs = 1_000;
/** What has been free for longer is more likely to have been closed. */
const restedMs = 100;

export class Pool implements ConnectionOwner {
  /** What a request says that brings no Host of its own. */
  readonly host: string;
  readonly origin: string;
  /** Of what is sent through it. */
  readonly lines = new RequestLines();
  readonly #origin: Origin;
  readonly #all = new Set<Connection>();
  readonly #free: Connection[] = [];
  /** They carry a request and were free before. */
  #checked: Connection[] = [];
  /** Requests that were given to the pool and have no answer yet. */
  #underWay = 0;
  #sweep: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(parts: OriginParts) {
    this.host = parts.url.host;
    this.origin = parts.url.origin;
    this.#origin = new Origin(parts);
  }

  send(outgoing: Outgoing): void {
    this.#underWay += 1;
    this.#carry(outgoing);
  }

  /** Called once for each request that was sent: its answer has begun, or none will. */
  settled(): void {
    this.#underWay -= 1;
  }

  #carry(outgoing: Outgoing): void {
    if (this.#isClosed) return outgoing.failed("nothing", closed());
    const nowMs = monotonicMs();
    const kept = this.#takeFree(nowMs);
    if (kept === undefined) {
      const connection = new Connection(this.#origin, this);
      this.#all.add(connection);
      connection.carry(outgoing);
      return;
    }
    kept.carry(outgoing);
    // That its server has closed it may be known to the system and not read here yet, so the rest of what this turn of the event loop brings is read first; for
    // one that has rested, also what came during this turn. Only then is anything written. Where no other request is under way hardly anything is left to
    // read: what came before this request was read before it.
    if (nowMs - kept.freeSinceMs >= restedMs) setImmediate(() => this.#sendSoon(kept));
    else if (this.#underWay > 1) this.#sendSoon(kept);
    else kept.send();
  }

  /** Opens a connection if none is free: one is going to be needed in a moment. */
  prepare(): void {
    if (!this.#isClosed && this.#free.length === 0) this.#all.add(new Connection(this.#origin, this));
  }

  freed(connection: Connection): void {
    if (this.#isClosed) return void connection.close(closed());
    this.#free.push(connection);
    this.#sweep ??= setInterval(() => this.#sweepOut(), sweepMs).unref();
  }

  gone(connection: Connection): void {
    this.#all.delete(connection);
    const index = this.#free.indexOf(connection);
    if (index >= 0) this.#free.splice(index, 1);
  }

  again(outgoing: Outgoing): void {
    this.#carry(outgoing);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweep);
    await Promise.all([...this.#all].map((connection) => connection.close(closed())));
  }

  #sendSoon(connection: Connection): void {
    if (this.#checked.push(connection) === 1) setImmediate(this.#sendChecked);
  }

  readonly #sendChecked = (): void => {
    const checked = this.#checked;
    this.#checked = [];
    for (const connection of checked) connection.send();
  };

  #takeFree(nowMs: number): Connection | undefined {
    for (let last = this.#free.pop(); last !== undefined; last = this.#free.pop()) {
      if (last.freeUntilMs > nowMs) return last;
      void last.close(closed());
    }
    return undefined;
  }

  #sweepOut(): void {
    const nowMs = monotonicMs();
    for (const connection of this.#free.filter(({ freeUntilMs }) => freeUntilMs <= nowMs))
      void connection.close(closed());
    if (this.#free.length > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}

function closed(): Error {
  return new Error("The connection was closed by Holdfast.");
}
