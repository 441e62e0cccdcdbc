// What became of one reply of the server on its way to the client.
import type { ReplyFacts } from "../recovery/index.ts";

export type Delivery =
  | { readonly kind: "delivered" }
  /** Not given to the client yet, because it may mean a lost session; `pass` gives it after all. */
  | { readonly kind: "held"; readonly facts: ReplyFacts; pass(): Promise<Delivery> }
  /** The body ended before the answer did. */
  | {
      readonly kind: "cut";
      readonly lastEventId: string | undefined;
      readonly begun: boolean;
      /** The server closed its stream on purpose, and is to be asked for the rest after so long. */
      readonly retryMs?: number;
    };

export const delivered: Delivery = { kind: "delivered" };
