// A modern client's subscription on a legacy server: acknowledged with what the server's stream can announce, fed from that stream, filtered for this client alone.
import type { RawId } from "../../../protocol/index.ts";
import { memberText } from "../../../protocol/index.ts";
import {
  grant,
  isEmptyFilter,
  isListenedFor,
  type ListenFilter,
  missedChanges,
  notificationToModern,
  writeAcknowledged,
  writeListenEnd,
} from "../translate/notifications.ts";
import type { ClientReply } from "./client-reply.ts";
import type { OnBehalf } from "./inner-exchange.ts";
import type { Listener, PoolSession } from "./pool-session.ts";

const keepAliveMs = 15_000;

export interface ListenParts {
  readonly pooled: PoolSession;
  readonly release: () => void;
  readonly on: OnBehalf;
  readonly open: Set<{ end(): void }>;
}

/** Serves one subscription until its client leaves or Holdfast ends. */
export async function serveListen(
  { pooled, release, on, open }: ListenParts,
  id: RawId,
  asked: ListenFilter,
  reply: ClientReply,
): Promise<void> {
  const granted = grant(asked, pooled.capabilities, await pooled.stream(on));
  const ended = memberText(writeListenEnd(id, pooled.serverInfo), "result") ?? "{}";
  const listener: Listener = {
    changed(notification) {
      if (isListenedFor(notification, granted)) reply.notify(notificationToModern(notification, id));
    },
    missed() {
      for (const notification of missedChanges(granted)) reply.notify(notificationToModern(notification, id));
    },
    // As any server that goes: the client takes its subscription up with whoever serves next.
    end() {
      over();
      // Where its stream is not a connection of its own, the client must be told.
      if (reply.exchange.byMessage === true) reply.finish({ status: 200, member: "result", text: ended });
      else reply.exchange.connection.end();
    },
  };
  const timer = setInterval(() => reply.keepAlive(), keepAliveMs).unref();
  const over = (): void => {
    if (!open.delete(listener)) return;
    clearInterval(timer);
    pooled.listeners.delete(listener);
    for (const uri of granted.resourceSubscriptions) void pooled.unsubscribe(uri, on);
    release();
  };
  open.add(listener);
  pooled.listeners.add(listener);
  reply.onLeft(over);
  if (reply.isOver) return;
  await Promise.all(granted.resourceSubscriptions.map((uri) => pooled.subscribe(uri, on)));
  reply.notify(writeAcknowledged(id, granted));
  if (!isEmptyFilter(granted)) return;
  // Nothing will ever come.
  over();
  reply.finish({ status: 200, member: "result", text: ended });
}
