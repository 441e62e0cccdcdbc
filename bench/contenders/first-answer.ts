// Waits until a contender gives its first right answer, which is also how the bench learns that it is ready.
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "../processes/child.ts";
import { buildPost, type Connection, type Endpoint, exchangeWhole, openConnection } from "../wire/connection.ts";
import { initializeBody } from "../wire/messages.ts";

const limitMs = 30_000;
const pauseMs = 2;

async function connectOnce(port: number): Promise<Connection | undefined> {
  try {
    return await openConnection(port);
  } catch {
    return undefined;
  }
}

/** Ends the session that was opened only to see whether the contender answers. */
async function endSession(connection: Connection, endpoint: Endpoint, sessionId: string): Promise<void> {
  const head = `DELETE ${endpoint.path} HTTP/1.1\r\nHost: 127.0.0.1:${endpoint.port}\r\nMcp-Session-Id: ${sessionId}\r\n\r\n`;
  await exchangeWhole(connection, head);
}

async function initializeOnce(endpoint: Endpoint): Promise<number | undefined> {
  const connection = await connectOnce(endpoint.port);
  if (connection === undefined) return undefined;
  const bound = setTimeout(() => connection.close(), limitMs);
  try {
    const { status, sessionId } = await exchangeWhole(connection, buildPost(endpoint, initializeBody()));
    const answeredAtMs = performance.now();
    if (status !== 200) return undefined;
    if (sessionId !== undefined) await endSession(connection, endpoint, sessionId);
    return answeredAtMs;
  } catch {
    return undefined;
  } finally {
    clearTimeout(bound);
    connection.close();
  }
}

export async function waitForFirstAnswer(endpoint: Endpoint, child: Child, logFile: string): Promise<number> {
  const end = performance.now() + limitMs;
  while (performance.now() < end && !child.hasEnded()) {
    const answeredAtMs = await initializeOnce(endpoint);
    if (answeredAtMs !== undefined) return answeredAtMs;
    await delay(pauseMs);
  }
  const log = await readFile(logFile, "utf8");
  throw new Error(`no right answer to initialize; its log ends with: ${log.slice(-1_000)}`);
}
