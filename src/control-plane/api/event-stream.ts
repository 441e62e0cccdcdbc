// GET /api/v1/events: everything that happens, as server-sent events, beginning with how things stand. A reader that is too slow is let go.
import { connectorOf, type Live } from "./live.ts";
import type { LiveEvent } from "./schema.ts";

/** Far more than a reader that keeps up ever leaves. */
const mostWaitingBytes = 1024 * 1024;
const aliveMs = 15_000;

const encoder = new TextEncoder();

/** `begin` makes the first event after the listening has begun, so that nothing falls in between. */
export function eventStream(live: Live, connector: string | undefined, begin: () => LiveEvent): Response {
  let stop = (): void => {};
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const send = (text: string): void => {
          if ((controller.desiredSize ?? 0) < -mostWaitingBytes) return end();
          controller.enqueue(encoder.encode(text));
        };
        const pass = (event: LiveEvent): void => {
          const about = connectorOf(event);
          if (connector === undefined || about === undefined || about === connector) send(frame(event));
        };
        const end = (): void => {
          stop();
          controller.close();
        };
        const unlisten = live.listen(pass, end);
        const timer = setInterval(() => send(": alive\n\n"), aliveMs);
        stop = () => {
          clearInterval(timer);
          unlisten();
          stop = () => {};
        };
        send(`retry: 1000\n${frame(begin())}`);
      },
      cancel: () => stop(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 16 * 1024 }),
  );
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
  });
}

function frame(event: LiveEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
