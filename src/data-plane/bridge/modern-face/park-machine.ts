// The life of one call at a legacy server that may ask in the middle, seen from a client that is asked by `input_required` and answers by retry.
// Pure: one transition function; the effects are performed by the call itself.
import type { RawId } from "../../../protocol/index.ts";

/** A request of the server in the middle of the call. */
export interface OpenAsk {
  /** The name that it was given in `inputRequests`. */
  readonly key: string;
  /** The server's own id for it. */
  readonly id: RawId;
  readonly method: string;
  /** JSON text. */
  readonly params: string | undefined;
}

export interface Park {
  readonly at: /** A client waits for the server. */
    | "running"
    /** The server waits for a client. */
    | "parked"
    /** The server has answered. */
    | "finished"
    /** The call went with the server's session or process. */
    | "lost"
    /** Nobody came back in time, or others needed the place. */
    | "expired"
    /** The client closed its stream, which is how it cancels. */
    | "cancelled";
  /** The round whose state was given last; 0 before the first. */
  readonly round: number;
  /** What the server asked and nobody has answered. */
  readonly asks: readonly OpenAsk[];
  /** When the exchange that used a round's state had its answer. */
  readonly settled: ReadonlyMap<number, number>;
}

export type ParkEvent =
  | { readonly type: "asked"; readonly ask: OpenAsk }
  /** The server no longer wants the answer. */
  | { readonly type: "withdrawn"; readonly id: RawId }
  /** The call runs anew on a restored session, and its server asked again what is still open. */
  | { readonly type: "renamed"; readonly from: RawId; readonly to: RawId }
  /** No further ask came within the time in which several are put into one round. */
  | { readonly type: "quiet"; readonly nowMs: number }
  | { readonly type: "answered"; readonly nowMs: number }
  | { readonly type: "retry"; readonly round: number; readonly keys: readonly string[]; readonly nowMs: number }
  | { readonly type: "left" }
  | { readonly type: "lost" }
  | { readonly type: "expired" };

export type ParkEffect =
  /** Wait a moment for further asks. */
  | { readonly do: "collect" }
  /** `input_required` with this round's state, to the client that waits; `used` is the round whose state brought it here. */
  | { readonly do: "give"; readonly round: number; readonly asks: readonly OpenAsk[]; readonly used: number }
  /** The client's answers go to the server. */
  | { readonly do: "feed"; readonly asks: readonly OpenAsk[] }
  /** The client that waits becomes the one that this retry came from. */
  | { readonly do: "attach" }
  /** The server's answer, to the client that waits. */
  | { readonly do: "deliver"; readonly used: number }
  /** What the exchange that used this round was answered, once more. */
  | { readonly do: "repeat"; readonly used: number }
  /** This retry is refused. */
  | { readonly do: "refuse"; readonly why: "used" | "lost" | "expired" | "cancelled" }
  /** The client that waits hears that the call is lost. */
  | { readonly do: "tell-lost" }
  /** The server hears that nobody will answer these. */
  | { readonly do: "decline"; readonly asks: readonly OpenAsk[] }
  | { readonly do: "cancel" };

/** How long a retry of a round that is over, sent again by the network's fault, gets the same answer. */
export const repeatMs = 60_000;

export const newPark: Park = { at: "running", round: 0, asks: [], settled: new Map() };

type Step = readonly [Park, readonly ParkEffect[]];

const stay = (park: Park): Step => [park, []];

export function nextPark(park: Park, event: ParkEvent): Step {
  switch (event.type) {
    case "asked":
      return asked(park, event.ask);
    case "withdrawn":
      return stay({ ...park, asks: park.asks.filter(({ id }) => id !== event.id) });
    case "renamed":
      return stay({
        ...park,
        asks: park.asks.map((ask) => (ask.id === event.from ? { ...ask, id: event.to } : ask)),
      });
    case "quiet":
      // Withdrawn meanwhile, or the answer came: nothing to give.
      if (park.at !== "running" || park.asks.length === 0) return stay(park);
      return give(park, park.asks, park.round, event.nowMs, []);
    case "answered":
      return answered(park, event.nowMs);
    case "retry":
      return retried(park, event.round, event.keys, event.nowMs);
    case "left":
      if (park.at !== "running") return stay(park);
      return over(park, "cancelled", [...declined(park.asks), { do: "cancel" }]);
    case "lost":
      if (park.at === "running") return over(park, "lost", [{ do: "tell-lost" }]);
      return park.at === "parked" ? over(park, "lost", []) : stay(park);
    case "expired":
      // A client that waits now is not left alone; what is finished is simply forgotten.
      if (park.at !== "parked") return stay(park);
      return over(park, "expired", [...declined(park.asks), { do: "cancel" }]);
  }
}

function asked(park: Park, ask: OpenAsk): Step {
  if (park.at === "running") return [{ ...park, asks: [...park.asks, ask] }, [{ do: "collect" }]];
  // The client is away with a round of its own and hears of this one when it comes back.
  if (park.at === "parked") return stay({ ...park, asks: [...park.asks, ask] });
  return [park, declined([ask])];
}

function answered(park: Park, nowMs: number): Step {
  if (park.at === "running") {
    const done: Park = { at: "finished", round: park.round, asks: [], settled: settle(park, park.round, nowMs) };
    return [done, [{ do: "deliver", used: park.round }]];
  }
  // The server went on without the answer; its own answer waits for the retry.
  return park.at === "parked" ? stay({ ...park, at: "finished", asks: [] }) : stay(park);
}

function retried(park: Park, round: number, keys: readonly string[], nowMs: number): Step {
  if (park.at === "lost" || park.at === "expired" || park.at === "cancelled") {
    const settledAtMs = park.settled.get(round);
    if (settledAtMs !== undefined && nowMs - settledAtMs <= repeatMs) return [park, [{ do: "repeat", used: round }]];
    return [park, [{ do: "refuse", why: park.at }]];
  }
  const isOpen = round === park.round && round > 0 && !park.settled.has(round);
  if (isOpen && park.at === "parked") return resumed(park, keys, nowMs);
  if (isOpen && park.at === "finished") {
    const told = { ...park, settled: settle(park, round, nowMs) };
    return [told, [{ do: "attach" }, { do: "deliver", used: round }]];
  }
  const settledAtMs = park.settled.get(round);
  if (settledAtMs === undefined || nowMs - settledAtMs > repeatMs) return [park, [{ do: "refuse", why: "used" }]];
  return [park, [{ do: "repeat", used: round }]];
}

/** The answers of a round: what is still open is asked again, and only when nothing is does the client wait for the server. */
function resumed(park: Park, keys: readonly string[], nowMs: number): Step {
  const given = park.asks.filter(({ key }) => keys.includes(key));
  const open = park.asks.filter(({ key }) => !keys.includes(key));
  const feed: readonly ParkEffect[] =
    given.length > 0 ? [{ do: "attach" }, { do: "feed", asks: given }] : [{ do: "attach" }];
  if (open.length > 0) return give(park, open, park.round, nowMs, feed);
  return [{ ...park, at: "running", asks: [] }, feed];
}

function give(park: Park, asks: readonly OpenAsk[], used: number, nowMs: number, before: readonly ParkEffect[]): Step {
  const round = park.round + 1;
  const settled = settle(park, used, nowMs);
  return [{ at: "parked", round, asks, settled }, [...before, { do: "give", round, asks, used }]];
}

function settle({ settled }: Park, round: number, nowMs: number): ReadonlyMap<number, number> {
  const kept = [...settled].filter(([, atMs]) => nowMs - atMs <= repeatMs);
  return new Map([...kept, [round, nowMs]]);
}

function over(park: Park, at: "lost" | "expired" | "cancelled", effects: readonly ParkEffect[]): Step {
  return [{ ...park, at, asks: [] }, effects];
}

function declined(asks: readonly OpenAsk[]): readonly ParkEffect[] {
  return asks.length > 0 ? [{ do: "decline", asks }] : [];
}
