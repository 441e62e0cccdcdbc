// Puts together what serves modern clients of one connector.
import { answerFailure } from "../relay/index.ts";
import type { Connector } from "../session/index.ts";
import { isForeignRefusal } from "./eras.ts";
import type { ModernEndpoint } from "./serve-modern.ts";
import type { ServerErasMemory } from "./server-eras.ts";

export interface OpenModern extends ModernEndpoint {
  /** Ends every subscription, so that its client takes it up with whoever serves next. */
  end(): void;
}

export function openModern(connector: Connector, eras: ServerErasMemory): OpenModern {
  const listens = new Set<{ end(): void }>();
  return {
    eras,
    relay: { connector, isForeign: isForeignRefusal, listens },
    bridged: undefined,
    refuse: (exchange, error) => answerFailure(exchange, [], error),
    end() {
      for (const listen of listens) listen.end();
    },
  };
}
