// Walks toward a server step by step until one fails. Opens a session of its own, throws it away, and never sees a live session's id.
import { randomUUID } from "node:crypto";
import type { LookupFunction } from "node:net";
import { addressWords, ConfigError, type ServerAddress } from "../../config/index.ts";
import { withoutHeaderValues } from "../../errors/index.ts";
import { monotonicMs, sessionIdHeader } from "../../protocol/index.ts";
import {
  asObject,
  type CallContext,
  type CallOutcome,
  callServer,
  contextHeaders,
  readCookies,
} from "../session/index.ts";
import { openTransport, type Transport } from "../transport/index.ts";
import {
  type Asked,
  explainBogus,
  explainHttp,
  explainInitialize,
  explainList,
  explainLost,
} from "./explain-answer.ts";
import { findCommand } from "./find-command.ts";
import { openPort, type Place, placeOf, resolveName, shakeHands } from "./reach.ts";
import { type DoctorReport, type Finding, reportOf, type StepName, type TakenStep } from "./report.ts";

export interface Patient {
  readonly name: string;
  /** Gives address and headers as they are now; a ConfigError is the first step's finding. */
  resolve(): { readonly server: ServerAddress; readonly headers: readonly string[] };
  /** Refuses names that lead where this connector may not go. */
  readonly lookup?: LookupFunction | undefined;
}

export interface DoctorOptions {
  /** For each step but those below; at most nine steps are taken. */
  readonly stepTimeoutMs: number;
  /** For initialize of a command, which may have to be fetched first. */
  readonly startTimeoutMs: number;
}

const doctorDefaults = { stepTimeoutMs: 10_000, startTimeoutMs: 60_000 } as const satisfies DoctorOptions;

/** The newest revision that begins with initialize. */
const protocolVersion = "2025-11-25";
const endTimeoutMs = 2_000;

/** Never rejects: whatever goes wrong is a finding. */
export async function runDoctor(patient: Patient, options: DoctorOptions = doctorDefaults): Promise<DoctorReport> {
  const at = new Date();
  const steps: TakenStep[] = [];
  let headers: readonly string[] = [];
  let words: readonly string[] = [];
  const known: Patient = {
    ...patient,
    resolve() {
      const resolved = patient.resolve();
      headers = resolved.headers;
      words = addressWords(resolved.server);
      return resolved;
    },
  };
  /** Takes one step, and answers whether the next may be taken. */
  const take = async (step: StepName, look: () => Finding | Promise<Finding>): Promise<boolean> => {
    const begun = monotonicMs();
    const finding = await look();
    steps.push({ step, ...shown(finding, headers, words), ms: Math.round(monotonicMs() - begun) });
    return finding.outcome !== "failed";
  };
  await examine(known, options, take);
  return reportOf(patient.name, at, steps);
}

function shown(finding: Finding, headers: readonly string[], words: readonly string[]): Finding {
  const { sentence, head } = finding;
  return {
    ...finding,
    sentence: withoutHeaderValues(sentence, headers, words),
    ...(head === undefined ? {} : { head: withoutHeaderValues(head, headers, words) }),
  };
}

type Take = (step: StepName, look: () => Finding | Promise<Finding>) => Promise<boolean>;

async function examine(patient: Patient, options: DoctorOptions, take: Take): Promise<void> {
  let resolved: ReturnType<Patient["resolve"]> | undefined;
  const readable = await take("config", () => {
    try {
      resolved = patient.resolve();
      return { outcome: "ok", sentence: "The configuration is complete." };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return {
        outcome: "failed",
        sentence: error.message,
        action: "Mend the connector, or set the variable where Holdfast runs.",
      };
    }
  });
  if (!readable || resolved === undefined) return;
  const { server, headers } = resolved;
  const { lookup } = patient;
  if (
    !(await (server.kind === "stdio"
      ? take("spawn", () => findCommand(server))
      : reach(placeOf(server.url, lookup), options, take)))
  )
    return;
  const timeoutMs = server.kind === "stdio" ? options.startTimeoutMs : options.stepTimeoutMs;
  const transport = openTransport(server, {
    connectTimeoutMs: timeoutMs,
    startTimeoutMs: timeoutMs,
    followRedirects: true,
    lookup,
  });
  try {
    const talk: Talk = { transport, kind: server.kind, take, stepTimeoutMs: options.stepTimeoutMs };
    await converse(talk, headers, timeoutMs);
  } finally {
    await transport[Symbol.asyncDispose]();
  }
}

async function reach(place: Place, { stepTimeoutMs }: DoctorOptions, take: Take): Promise<boolean> {
  return (
    (await take("dns", () => resolveName(place, stepTimeoutMs))) &&
    (await take("tcp", () => openPort(place, stepTimeoutMs))) &&
    (await take("tls", () => shakeHands(place, stepTimeoutMs)))
  );
}

/** What a conversation needs, gathered once. */
interface Talk {
  readonly transport: Transport;
  readonly kind: ServerAddress["kind"];
  readonly take: Take;
  readonly stepTimeoutMs: number;
}

interface Heard extends Asked {
  readonly outcome: CallOutcome;
}

const clientInfo = { name: "holdfast-doctor", version: "1" };

async function converse(talk: Talk, headers: readonly string[], startTimeoutMs: number): Promise<void> {
  const { kind, take } = talk;
  const params = { protocolVersion, capabilities: {}, clientInfo };
  let asked: Heard | undefined;
  const initialize = async () => (asked ??= await ask(talk, { headers }, "initialize", params, startTimeoutMs));
  const isHeard =
    kind !== "http" ||
    (await take("http", async () => {
      const heard = await initialize();
      return explainHttp(heard.outcome, heard, talk.transport.wire);
    }));
  if (!isHeard) return;
  const opened = await take("initialize", async () => {
    const heard = await initialize();
    return heard.outcome.kind === "lost" ? explainLost(heard.outcome, heard) : explainInitialize(heard.outcome);
  });
  const { outcome } = await initialize();
  if (opened && outcome.kind === "answer") await useSession(talk, outcome, headers);
}

async function useSession(
  talk: Talk,
  { result, headers: given }: Extract<CallOutcome, { kind: "answer" }>,
  headers: readonly string[],
): Promise<void> {
  const { transport, kind, take, stepTimeoutMs } = talk;
  const facts = asObject(result);
  const version = typeof facts?.["protocolVersion"] === "string" ? facts["protocolVersion"] : undefined;
  const id = given[sessionIdHeader];
  const session: CallContext = {
    headers,
    upstreamId: Array.isArray(id) ? id[0] : id,
    version,
    cookies: readCookies(given["set-cookie"]),
  };
  const of = listed(asObject(facts?.["capabilities"]) ?? {});
  try {
    await callServer(transport, session, initialized, undefined, stepTimeoutMs);
    const lists = await take("list", async () => {
      const heard = await ask(talk, session, `${of}/list`, {}, stepTimeoutMs);
      return explainList(heard.outcome, of, heard);
    });
    if (!lists) return;
    await take("bogus-session", async () => {
      // HTTP+SSE has ids in its URLs, and a stream of its own for each.
      if (kind !== "http" || transport.wire !== "Streamable HTTP")
        return skipped("A session of this wire is its connection: there is no id to be unknown.");
      if (session.upstreamId === undefined) return skipped("The server keeps no sessions, so none can be lost.");
      const unknown: CallContext = { ...session, upstreamId: randomUUID(), cookies: undefined };
      const { outcome, timedOut } = await ask(talk, unknown, `${of}/list`, {}, stepTimeoutMs);
      return explainBogus(outcome, timedOut);
    });
  } finally {
    await endSession(transport, session);
  }
}

const initialized = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

async function ask(
  { transport, kind }: Talk,
  context: CallContext,
  method: string,
  params: object,
  timeoutMs: number,
): Promise<Heard> {
  const id = `holdfast-${randomUUID()}`;
  const begun = monotonicMs();
  const body = JSON.stringify({ jsonrpc: "2.0", id, method, params });
  const outcome = await callServer(transport, context, body, id, timeoutMs);
  const timedOut = monotonicMs() - begun >= timeoutMs - timerErrorMs;
  const asked: Asked = { timedOut, timeoutMs, isCommand: kind === "stdio" };
  // A stream that opens and then says nothing is no answer either.
  if (timedOut && outcome.kind === "other")
    return { ...asked, outcome: { kind: "lost", sent: "maybe", cause: new Error("no answer in time") } };
  return { ...asked, outcome };
}

/** Timers may fire this much before their time. */
const timerErrorMs = 5;

/** Something that the server says it has, tools first. */
function listed(capabilities: Readonly<Record<string, unknown>>): "tools" | "prompts" | "resources" {
  return (["tools", "prompts", "resources"] as const).find((kind) => kind in capabilities) ?? "tools";
}

function skipped(sentence: string): Finding {
  return { outcome: "skipped", sentence };
}

async function endSession(transport: Transport, session: CallContext): Promise<void> {
  if (session.upstreamId === undefined) return;
  const signal = AbortSignal.timeout(endTimeoutMs);
  const reply = await transport.send({ method: "DELETE", headers: contextHeaders(session), signal });
  if (reply.kind === "reply") reply.body.abort();
}
