// Notifications that no request asked for: they go out on the sessions' GET streams. Decides only who hears what.
import { randomUUID } from "node:crypto";
import { type JsonObject, notificationOf } from "./json-rpc.ts";
import { type LogLevel, logLevels } from "./log-levels.ts";
import type { Session, World } from "./world.ts";

/** Returns how many streams it went to. */
export function announce(
  world: World,
  method: string,
  params?: JsonObject,
  hears: (session: Session) => boolean = () => true,
): number {
  let reached = 0;
  for (const session of world.sessions.values()) {
    if (session.standalone === undefined || !hears(session)) continue;
    void session.standalone.send(notificationOf(method, params));
    reached++;
  }
  return reached;
}

export function announceUpdate(world: World, uri: string): number {
  return announce(world, "notifications/resources/updated", { uri }, (session) => session.subscriptions.has(uri));
}

export function announceMessage(world: World, level: LogLevel, data: string): number {
  const hears = ({ logLevel }: Session) =>
    logLevel === undefined || logLevels.indexOf(level) >= logLevels.indexOf(logLevel);
  return announce(world, "notifications/message", { level, logger: "chaos", data }, hears);
}

/** A request from the server outside any call; its answer only shows in the list of exchanges. */
export function pingClients(world: World): number {
  let reached = 0;
  for (const { standalone } of world.sessions.values()) {
    if (standalone === undefined) continue;
    void standalone.send({ jsonrpc: "2.0", id: `ping-${randomUUID()}`, method: "ping" });
    reached++;
  }
  return reached;
}
