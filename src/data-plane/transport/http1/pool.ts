// The connections to one origin: any number at once, the last that was freed first, and none that its server has given up. What is given to it is written
// in the order in which it came, whichever connection stands first.

import { monotonicMs } from "../../../protocol/index.ts";
import { Origin, type OriginParts } from "./connect.ts";
import { type Carrier, Connection, type ConnectionOwner, type Outgoing } from "./connection.ts";
import { RequestLines } from "./request-head.ts";

const sweepMs = 1_000;
/** What has been free for longer is more likely to have been closed. */
const restedMs = 100;

export class Pool implements Carrier, ConnectionOwner {
  /** What a request says that brings no Host of its own. */
  readonly host: string;
  readonly origin: string;
  /** Of what is sent through it. */
  readonly lines = new RequestLines();
  readonly #origin: Origin;
  readonly #all = new Set<Connection>();
  readonly #free: Connection[] = [];
  /** They do not stand yet. */
  readonly #connecting = new Set<Connection>();
  /** For the next connection that can be had; never more than are connecting. */
  readonly #waiting: Outgoing[] = [];
  /** They carry a request that is to be written in this order. */
  #checked: Connection[] = [];
  /** How many of those that rested are on their way there. */
  #woken = 0;
  /** Requests that were given to the pool and have no answer yet. */
  #underWay = 0;
  #sweep: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(parts: OriginParts) {
    this.host = parts.url.host;
    this.origin = parts.url.origin;
    this.#origin = new Origin(parts);
  }

  send(outgoing: Outgoing, onNewConnection = false): void {
    this.#underWay += 1;
    if (onNewConnection && !this.#isClosed) this.#wait(outgoing, false);
    else this.#carry(outgoing);
  }

  /** Called once for each request that was sent: its answer has begun, or none will. */
  settled(): void {
    this.#underWay -= 1;
  }

  #carry(outgoing: Outgoing, isFirst = false): void {
    if (this.#isClosed) return outgoing.failed("nothing", closed());
    const nowMs = monotonicMs();
    const kept = this.#takeFree(nowMs);
    if (kept === undefined) return this.#wait(outgoing, isFirst);
    kept.carry(outgoing);
    // That its server has closed it may be known to the system and not read here yet, so the rest of what this turn of the event loop brings is read first; for
    // one that has rested, also what came during this turn. Only then is anything written. Where no other request is under way hardly anything is left to
    // read: what came before this request was read before it.
    if (nowMs - kept.freeSinceMs >= restedMs) this.#wake(kept);
    else if (this.#underWay > 1) this.#sendInTurn(kept);
    else kept.send();
  }

  #wait(outgoing: Outgoing, isFirst: boolean): void {
    if (isFirst) this.#waiting.unshift(outgoing);
    else this.#waiting.push(outgoing);
    if (this.#connecting.size < this.#waiting.length) this.#open();
    outgoing.carriedBy(this);
  }

  #open(): void {
    const connection = new Connection(this.#origin, this);
    this.#all.add(connection);
    this.#connecting.add(connection);
  }

  /** Opens a connection if none is free: one is going to be needed in a moment. */
  prepare(): void {
    if (!this.#isClosed && this.#free.length === 0) this.#open();
  }

  freed(connection: Connection): void {
    const isNew = this.#connecting.size > 0 && this.#connecting.delete(connection);
    if (this.#isClosed) return void connection.close(closed());
    const oldest = this.#waiting.shift();
    if (oldest !== undefined) {
      connection.carry(oldest);
      if (isNew && this.#checked.length + this.#woken === 0) connection.send();
      else this.#sendInTurn(connection);
      return;
    }
    this.#free.push(connection);
    this.#sweep ??= setInterval(() => this.#sweepOut(), sweepMs).unref();
  }

  gone(connection: Connection, cause: Error): void {
    this.#all.delete(connection);
    const index = this.#free.indexOf(connection);
    if (index >= 0) this.#free.splice(index, 1);
    if (this.#connecting.delete(connection) && this.#connecting.size < this.#waiting.length)
      this.#waiting.shift()?.failed("nothing", cause);
  }

  again(outgoing: Outgoing): void {
    this.#carry(outgoing, true);
  }

  /** Of a request that no connection has yet; its answer is nobody's to pause. */
  drop(outgoing: Outgoing, cause: Error): void {
    const index = this.#waiting.indexOf(outgoing);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    const [oldest] = this.#connecting;
    if (this.#connecting.size > this.#waiting.length) void oldest?.close(cause);
    outgoing.failed("nothing", cause);
  }

  pause(): void {}

  resume(): void {}

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweep);
    for (const outgoing of this.#waiting.splice(0)) outgoing.failed("nothing", closed());
    await Promise.all([...this.#all].map((connection) => connection.close(closed())));
  }

  #wake(connection: Connection): void {
    this.#woken += 1;
    setImmediate(() => {
      this.#woken -= 1;
      this.#sendSoon(connection);
    });
  }

  #sendInTurn(connection: Connection): void {
    if (this.#woken > 0) this.#wake(connection);
    else this.#sendSoon(connection);
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
