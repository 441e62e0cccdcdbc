// Does to a connection what a waiting fault says. Which fault meets which request is decided in faults.
import type { ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import type { EventStream } from "./event-stream.ts";
import { type AnswerFault, type CutFault, takeFault } from "./faults.ts";
import type { RequestId } from "./json-rpc.ts";
import { writeReply } from "./reply.ts";
import type { World } from "./world.ts";

/** Faults that strike before the session is looked at, as a proxy or a busy machine would; true: the request is done with. */
export async function meetOnArrival(
  world: World,
  names: readonly string[],
  id: RequestId | undefined,
  response: ServerResponse,
): Promise<boolean> {
  const delay = takeFault(world.faults, "delay", names);
  if (delay !== undefined) await wait(delay.ms, undefined, { ref: false });
  if (takeFault(world.faults, "hang", names) !== undefined) {
    world.hanging.add(response);
    response.once("close", () => world.hanging.delete(response));
    return true;
  }
  const answer = takeFault(world.faults, "answer", names, (fault) => !fault.executed);
  if (answer !== undefined) writeFaultAnswer(answer, id, response);
  return answer !== undefined;
}

export function writeFaultAnswer(fault: AnswerFault, id: RequestId | undefined, response: ServerResponse): void {
  const { status, headers, body } = fault;
  if (typeof body === "string") return writeReply(response, { status, headers, body });
  const echo = body["id"] === "$id" ? { ...body, id: id ?? null } : body;
  writeReply(response, { status, headers, body: JSON.stringify(echo) });
}

/** The point of the cut in an answer that is an event stream; `run` may keep events in the stream for a resume. */
export async function cutStream(
  cut: CutFault,
  response: ServerResponse,
  stream: EventStream,
  prime: boolean,
  run: () => Promise<void>,
): Promise<void> {
  if (cut.when !== "before-headers") {
    stream.attach(response);
    if (prime) stream.prime();
    await stream.flushed();
    if (cut.when === "mid-stream") await written(response, 'event: message\ndata: {"jsonrpc":"2.0","id":');
    stream.detach();
  }
  if (cut.executed) await run();
  await drop(cut, response);
}

/** The same in an answer that is one JSON document. */
export async function cutDocument(cut: CutFault, response: ServerResponse, run: () => Promise<void>): Promise<void> {
  if (cut.executed) await run();
  if (cut.when !== "before-headers") {
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
  }
  if (cut.when === "mid-stream") await written(response, '{"jsonrpc":"2.0","id":');
  await drop(cut, response);
}

async function drop(cut: CutFault, response: ServerResponse): Promise<void> {
  if (cut.when === "clean-end") {
    response.end();
    return;
  }
  // What was written has to leave first, or the client sees an earlier cut than was asked for.
  await new Promise((resolve) => setImmediate(resolve));
  response.destroy();
}

function written(response: ServerResponse, text: string): Promise<void> {
  return new Promise((resolve) => response.write(text, () => resolve()));
}
