// Questions and answers between the bench and its own processes, over node's IPC channel. Knows nothing of what is asked.
import type { ChildProcess } from "node:child_process";

// A bivariant method makes every object of async functions a Service; Parameters and ReturnType stay exact for the caller.
export type Service = Readonly<Record<string, (question: never) => Promise<unknown>>>;

interface Question {
  readonly number: number;
  readonly name: string;
  readonly question: unknown;
}

interface Reply {
  readonly number: number;
  readonly answer?: unknown;
  readonly error?: string;
}

export interface Remote<S extends Service> {
  ask<K extends keyof S & string>(name: K, ...question: Parameters<S[K]>): Promise<Awaited<ReturnType<S[K]>>>;
}

/** In the child: answers what the parent asks until the parent is gone, then ends the process. */
export function serveParent(service: Service): void {
  const reply = (message: Reply) => process.send?.(message);
  process.on("message", ({ number, name, question }: Question) => {
    const answer = service[name]?.(question as never) ?? Promise.reject(new Error(`no service ${name}`));
    answer.then(
      (value) => reply({ number, answer: value }),
      (error: unknown) => reply({ number, error: String(error) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
}

/** In the parent. An answer that takes longer than the limit is an error, as is the end of the child. */
export function openRemote<S extends Service>(child: ChildProcess, limitMs = 180_000): Remote<S> {
  const waiting = new Map<number, { readonly name: string; readonly settle: (reply: Reply) => void }>();
  let last = 0;
  child.on("message", (reply: Reply) => waiting.get(reply.number)?.settle(reply));
  child.on("exit", () => {
    for (const [number, { settle }] of waiting) settle({ number, error: "its process ended" });
  });
  return {
    ask: (name, ...[question]) =>
      new Promise((resolve, reject) => {
        last += 1;
        const number = last;
        const timer = setTimeout(() => settle({ number, error: `no answer in ${limitMs} ms` }), limitMs);
        const settle = (reply: Reply) => {
          clearTimeout(timer);
          waiting.delete(number);
          if (reply.error !== undefined) reject(new Error(`${name}: ${reply.error}`));
          else resolve(reply.answer as never);
        };
        waiting.set(number, { name, settle });
        child.send({ number, name, question });
      }),
  };
}
