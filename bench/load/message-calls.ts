// Small calls on a wire of whole messages, as fast as the other side answers. Counts an answer only if it is right.
import { percentile } from "../statistics.ts";
import { initializeBody, initializedBody, newId, smallCallBody } from "../wire/messages.ts";
import { openWire } from "./message-wire.ts";
import type { CallsAnswer, WireQuestion } from "./service.ts";

export interface Conversation extends AsyncDisposable {
  readonly pid: number | undefined;
  calls(concurrency: number, durationMs: number): Promise<CallsAnswer>;
}

const startLimitMs = 20_000;

/** Resolves when the session is open. */
export async function openConversation(question: WireQuestion): Promise<Conversation> {
  const waiting = new Map<number, (answer: string) => void>();
  const wire = await openWire(question, (text) => {
    const id = Number(/"id":(\d+)/.exec(text)?.[1]);
    const settle = waiting.get(id);
    waiting.delete(id);
    settle?.(text);
  });
  const giveUp = (): void => {
    for (const settle of waiting.values()) settle("no answer");
    waiting.clear();
  };
  const ask = async (id: number, body: string, lane: number): Promise<string> => {
    const answered = new Promise<string>((resolve) => waiting.set(id, resolve));
    await wire.send(body, lane);
    return answered;
  };
  try {
    const bound = setTimeout(giveUp, startLimitMs);
    const hello = initializeBody();
    const answer = await ask((JSON.parse(hello) as { readonly id: number }).id, hello, 0);
    clearTimeout(bound);
    if (!answer.includes('"result"')) throw new Error(`initialize was answered with ${answer.slice(0, 300)}`);
    await wire.send(initializedBody, 0);
    wire.rest();
  } catch (error) {
    await wire[Symbol.asyncDispose]();
    throw error;
  }
  return {
    pid: wire.pid,
    async calls(concurrency, durationMs) {
      const answer = await runCalls({ ask, giveUp }, concurrency, durationMs);
      wire.rest();
      return answer;
    },
    [Symbol.asyncDispose]: async () => wire[Symbol.asyncDispose](),
  };
}

interface Asking {
  readonly ask: (id: number, body: string, lane: number) => Promise<string>;
  readonly giveUp: () => void;
}

async function runCalls({ ask, giveUp }: Asking, concurrency: number, durationMs: number): Promise<CallsAnswer> {
  const latenciesMs: number[] = [];
  let failed = 0;
  let firstFailure: string | undefined;
  const start = performance.now();
  const bound = setTimeout(giveUp, durationMs + 10_000);
  const work = async (lane: number): Promise<void> => {
    while (performance.now() - start < durationMs) {
      const id = newId();
      const sentAt = performance.now();
      const answer = await ask(id, smallCallBody(id), lane).catch(String);
      if (answer.includes('"result"')) latenciesMs.push(performance.now() - sentAt);
      else {
        failed += 1;
        firstFailure ??= answer.slice(0, 200);
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, lane) => work(lane)));
  clearTimeout(bound);
  const elapsedMs = performance.now() - start;
  const [p50Ms, p99Ms] = [percentile(latenciesMs, 0.5), percentile(latenciesMs, 0.99)];
  return { calls: latenciesMs.length, failed, firstFailure, elapsedMs, p50Ms, p99Ms };
}
