// Opens MCP sessions and standalone GET streams through a contender and keeps them open, as idle clients do.
import {
  buildPost,
  buildStream,
  type Connection,
  type Endpoint,
  exchangeWhole,
  openConnection,
} from "../wire/connection.ts";
import { initializeBody, initializedBody } from "../wire/messages.ts";

const openers = 64;

async function openSession(connection: Connection, endpoint: Endpoint): Promise<string> {
  const answer = await exchangeWhole(connection, buildPost(endpoint, initializeBody()));
  if (answer.status !== 200 || answer.sessionId === undefined) {
    throw new Error(`initialize was answered with ${answer.status} ${answer.body.slice(0, 300)}`);
  }
  await exchangeWhole(connection, buildPost(endpoint, initializedBody, answer.sessionId));
  return answer.sessionId;
}

export async function openSessions(endpoint: Endpoint, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  let started = 0;
  const bound: (() => void)[] = [];
  const timer = setTimeout(() => bound.forEach((close) => close()), 120_000);
  const open = async () => {
    const connection = await openConnection(endpoint.port);
    bound.push(() => connection.close());
    while (started < count) {
      started += 1;
      ids.push(await openSession(connection, endpoint));
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: Math.min(openers, count) }, open));
  clearTimeout(timer);
  return ids;
}

/** Resolves when the stream's head has come; the stream stays open until its connection is closed. */
async function openStream(endpoint: Endpoint, sessionId: string): Promise<Connection> {
  const connection = await openConnection(endpoint.port);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("a GET stream had no head after 10 s")), 10_000);
    connection.exchange(buildStream(endpoint, sessionId), {
      head: ({ status }) => {
        clearTimeout(timer);
        if (status === 200) resolve();
        else reject(new Error(`a GET stream was answered with ${status}`));
      },
      end: () => undefined,
      fail: (reason) => reject(new Error(reason)),
    });
  });
  return connection;
}

export async function openStreams(endpoint: Endpoint, sessionIds: readonly string[]): Promise<readonly Connection[]> {
  const streams: Connection[] = [];
  const waiting = [...sessionIds];
  const open = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) streams.push(await openStream(endpoint, id));
  };
  await Promise.all(Array.from({ length: openers }, open));
  return streams;
}
