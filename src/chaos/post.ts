// POST to the MCP endpoint: from the body to the answer, past the faults that wait. What a method means is decided in methods.
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Admission, type Asked, admit } from "./admit.ts";
import { type EventStream, writePieces } from "./event-stream.ts";
import { namesOf, takeFault } from "./faults.ts";
import { type Incoming, isRequest, type Outgoing, type Request, RpcError, readMessages, textOf } from "./json-rpc.ts";
import { runRequest } from "./methods.ts";
import { cutDocument, cutStream, meetOnArrival, writeFaultAnswer } from "./perform-fault.ts";
import { readBody, refusal, writeReply } from "./reply.ts";
import { canPrime, type Exchange, noteMessages, openStream, type Session, type World } from "./world.ts";

interface Exchanged {
  readonly world: World;
  readonly session: Session;
  readonly requests: readonly Request[];
  readonly batch: boolean;
  readonly names: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly response: ServerResponse;
}

export async function handlePost(
  world: World,
  request: IncomingMessage,
  response: ServerResponse,
  exchange: Exchange,
): Promise<void> {
  const { headers } = request;
  const accept = headers.accept ?? "";
  const takesBoth = accept.includes("application/json") && accept.includes("text/event-stream");
  if (!takesBoth && !accept.includes("*/*"))
    return writeReply(response, refusal(406, -32000, "Not Acceptable: accept application/json and text/event-stream"));
  if (!/^application\/json\b/i.test(headers["content-type"] ?? ""))
    return writeReply(response, refusal(415, -32000, "Unsupported Media Type: send application/json"));
  const body = await readBody(request);
  if (body === undefined)
    return writeReply(response, { ...refusal(413, -32000, "Payload Too Large"), headers: { connection: "close" } });
  const read = readOrRefuse(body, response);
  if (read === undefined) return;
  noteMessages(world, exchange, read.messages);
  const names = namesOf("POST", read.messages);
  const requests = read.messages.filter(isRequest);
  if (await meetOnArrival(world, names, requests[0]?.id, response)) return;
  const admission = admit(world, { http: "POST", headers, ...read });
  if (admission.refused !== undefined) return writeReply(response, admission.refused);
  await answer({ world, ...admission, ...read, requests, names, response });
}

function readOrRefuse(body: string, response: ServerResponse): Pick<Asked, "batch" | "messages"> | undefined {
  try {
    return readMessages(body);
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    writeReply(response, refusal(400, error.code, error.message));
    return undefined;
  }
}

type Admitted = Exclude<Admission, { readonly refused: unknown }>;

async function answer(
  all: Admitted & Pick<Asked, "messages" | "batch"> & Omit<Exchanged, "headers" | "session">,
): Promise<void> {
  const { world, session, isNew, messages, requests, response } = all;
  for (const message of messages) if (!isRequest(message)) take(session, message);
  if (requests.length === 0) return writeReply(response, { status: 202, body: "" });
  const exchanged: Exchanged = { ...all, headers: isNew ? { "mcp-session-id": session.id } : {} };
  const lost = takeFault(world.faults, "answer", all.names, (fault) => fault.executed);
  if (lost !== undefined) {
    await runAll(exchanged, undefined);
    return writeFaultAnswer(lost, requests[0]?.id, response);
  }
  await (world.json ? answerWithDocument(exchanged) : answerWithStream(exchanged));
}

/** A notification, or the client's answer to a request of ours. */
function take(session: Session, message: Incoming): void {
  if (message.method === "notifications/initialized") session.initialized = true;
  if (message.method === "notifications/cancelled") {
    const { requestId } = message.params;
    if (typeof requestId === "string" || typeof requestId === "number") session.running.get(requestId)?.abort();
  }
  if (message.method === undefined) session.asked.get(String(message.id))?.(message.whole);
}

async function runAll(
  { world, session, requests }: Exchanged,
  stream: EventStream | undefined,
): Promise<readonly Outgoing[]> {
  const answers = await Promise.all(
    requests.map(async (request) => {
      const controller = new AbortController();
      session.running.set(request.id, controller);
      world.running.add(controller);
      try {
        const outgoing = await runRequest({ world, session, request, signal: controller.signal, stream });
        if (outgoing !== undefined) await stream?.send(outgoing);
        return outgoing;
      } finally {
        session.running.delete(request.id);
        world.running.delete(controller);
      }
    }),
  );
  return answers.filter((outgoing) => outgoing !== undefined);
}

async function answerWithStream(exchanged: Exchanged): Promise<void> {
  const { world, session, names, headers, response } = exchanged;
  const stream = openStream(world, session);
  const prime = canPrime(world, session);
  const run = async () => {
    await runAll(exchanged, stream);
    stream.finish();
  };
  const cut = takeFault(world.faults, "cut", names);
  if (cut !== undefined) {
    // A call that never ran has nothing to resume, and a promise of it would leave the client waiting.
    if (!cut.executed) session.streams.delete(stream.name);
    return cutStream(cut, response, stream, prime, run);
  }
  stream.attach(response, headers);
  if (!prime) return run();
  const close = takeFault(world.faults, "close-stream", names);
  stream.prime(close?.retryMs);
  if (close === undefined) return run();
  await stream.flushed();
  stream.detach()?.end();
  await run();
}

async function answerWithDocument(exchanged: Exchanged): Promise<void> {
  const { world, batch, names, headers, response } = exchanged;
  const run = () => runAll(exchanged, undefined);
  const cut = takeFault(world.faults, "cut", names);
  if (cut !== undefined) return cutDocument(cut, response, async () => void (await run()));
  const answers = await run();
  const [first] = answers;
  // Every request of it was cancelled, so there is nothing left to answer.
  if (first === undefined) return writeReply(response, { status: 202, body: "" });
  response.writeHead(200, { "content-type": "application/json", ...headers });
  await writePieces(response, batch ? asArray(answers) : textOf(first));
  response.end();
}

function* asArray(answers: readonly Outgoing[]): Generator<string, void, undefined> {
  for (const [index, outgoing] of answers.entries()) {
    yield index === 0 ? "[" : ",";
    yield* textOf(outgoing);
  }
  yield "]";
}
