// One running request: how it tells and asks its client something before it answers. Runs no tool itself.
import { randomUUID } from "node:crypto";
import type { EventStream } from "./event-stream.ts";
import { type JsonObject, notificationOf, type Request } from "./json-rpc.ts";
import type { Session, World } from "./world.ts";

const askTimeoutMs = 60_000;

export interface Call {
  readonly world: World;
  readonly session: Session;
  readonly request: Request;
  readonly signal: AbortSignal;
  /** The answer's own stream; undefined where the answer is one JSON document. */
  readonly stream: EventStream | undefined;
}

function outlet(call: Call): EventStream | undefined {
  return call.stream?.open === true ? call.stream : call.session.standalone;
}

export async function tell(call: Call, method: string, params: JsonObject): Promise<void> {
  await outlet(call)?.send(notificationOf(method, params));
}

/** The client's answer, with its result or its error; throws where the client cannot be reached or does not answer in time. */
export async function ask(call: Call, method: string, params: JsonObject): Promise<JsonObject> {
  const stream = outlet(call);
  if (stream === undefined) throw new Error("no stream is open to ask the client on");
  const { asked } = call.session;
  const id = `ask-${randomUUID()}`;
  const { promise, resolve, reject } = Promise.withResolvers<JsonObject>();
  const timer = setTimeout(() => reject(new Error("the client did not answer in time")), askTimeoutMs);
  const giveUp = () => reject(new Error("the call was cancelled"));
  call.signal.addEventListener("abort", giveUp, { once: true });
  asked.set(id, resolve);
  try {
    await stream.send({ jsonrpc: "2.0", id, method, params });
    return await promise;
  } finally {
    clearTimeout(timer);
    call.signal.removeEventListener("abort", giveUp);
    asked.delete(id);
  }
}
