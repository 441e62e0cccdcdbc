// A network that a test can cut: a TCP relay to whatever listens behind it. Knows nothing of MCP.
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Network extends AsyncDisposable {
  readonly url: string;
  /** Breaks every connection and refuses new ones. */
  down(): void;
  up(): void;
}

export async function networkTo(target: string): Promise<Network> {
  const { hostname, port, pathname } = new URL(target);
  const open = new Set<Socket>();
  let isUp = true;
  const server = createServer((client) => {
    if (!isUp) return void client.destroy();
    const there = connect(Number(port), hostname);
    for (const socket of [client, there]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        there.destroy();
      });
    }
    client.pipe(there).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`,
    down: () => {
      isUp = false;
      cut();
    },
    up: () => {
      isUp = true;
    },
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Of the SDK's client on Streamable HTTP: comes back soon and for as long as a test takes. */
export const reconnectionOptions = {
  initialReconnectionDelay: 200,
  maxReconnectionDelay: 400,
  reconnectionDelayGrowFactor: 1.2,
  maxRetries: 20,
};
