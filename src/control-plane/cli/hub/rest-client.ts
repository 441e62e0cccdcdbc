// A running hub, asked over its REST API with the local admin's token. Turns its problem details into errors with exit codes.
import type { LiveEvent, Problem } from "../../api/schema.ts";
import { exitCodeOf, exitCodes, VerbError } from "./exit-codes.ts";
import type { HubClient } from "./hub-client.ts";
import { readEvents } from "./read-events.ts";

/** A doctor takes its time; everything else is quick. */
const answerTimeoutMs = 15_000;
const slowTimeoutMs = 180_000;

export function openRestClient(url: string, token: string): HubClient {
  const { call, ask, mcp } = callsTo(url, token);
  const at = (name: string) => `/connectors/${encodeURIComponent(name)}`;
  const session = (name: string, id: string) => `${at(name)}/sessions/${encodeURIComponent(id)}`;
  const slow = { slow: true };
  return {
    where: `the hub at ${url}`,
    url,
    list: async () =>
      (await ask<{ readonly connectors: Awaited<ReturnType<HubClient["list"]>> }>("GET", "/connectors")).connectors,
    get: (name) => ask("GET", at(name)),
    setWanted: (name, wanted) => ask("POST", `${at(name)}/${wanted === "connected" ? "connect" : "disconnect"}`),
    remove: async (name) => void (await call("DELETE", at(name))),
    signIn: (name, wish) => ask("POST", `${at(name)}/sign-in`, { ...slow, body: wish }),
    signInProgress: (name, id) => ask("GET", `${at(name)}/sign-in/${encodeURIComponent(id)}`),
    signOut: (name) => ask("DELETE", `${at(name)}/sign-in`, slow),
    doctor: (name) => ask("POST", `${at(name)}/doctor`, slow),
    test: (name) => ask("POST", `${at(name)}/test`, slow),
    upgrade: (name) => ask("POST", `${at(name)}/upgrade`, slow),
    tools: (name) => ask("GET", `${at(name)}/tools`, slow),
    exchanges: (name, limit) => ask("GET", `${at(name)}/exchanges?limit=${limit}`),
    bodies: (name, seq) => ask("GET", `${at(name)}/exchanges/${seq}/bodies`),
    keepBodies: async (name, keepBodies) =>
      void (await call("PATCH", `${at(name)}/inspector`, { body: { keepBodies } })),
    async *events(name, signal) {
      const answer = await call("GET", `/events?connector=${encodeURIComponent(name)}`, { signal });
      if (answer.body !== null) yield* readEvents(answer.body) as AsyncGenerator<LiveEvent>;
    },
    sessions: async (name) =>
      (await ask<{ readonly sessions: Awaited<ReturnType<HubClient["sessions"]>> }>("GET", `${at(name)}/sessions`))
        .sessions,
    breakSession: (name, id) => ask("POST", `${session(name, id)}/break`),
    endSession: async (name, id) => void (await call("DELETE", session(name, id))),
    reload: async () => void (await call("POST", "/reload")),
    postMcp: (endpoint, message, session) => mcp(endpoint, { method: "POST", body: JSON.stringify(message) }, session),
    endMcp: async (endpoint, session) => {
      const answer = await mcp(endpoint, { method: "DELETE" }, session);
      await answer.body?.cancel();
    },
    settings: () => ask("GET", "/settings"),
    loginLink: () => ask("POST", "/login-links"),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** What is asked of the hub at `url`, with the credential that it takes. */
function callsTo(url: string, token: string) {
  const call = async (method: string, path: string, options: CallOptions = {}): Promise<Response> => {
    const { signal = AbortSignal.timeout(options.slow === true ? slowTimeoutMs : answerTimeoutMs), body } = options;
    const headers = {
      authorization: `Bearer ${token}`,
      accept: "application/json, text/event-stream",
      ...(body && { "content-type": "application/json" }),
    };
    const init = { method, headers, signal, ...(body && { body: JSON.stringify(body) }) };
    const answer = await fetch(`${url}/api/v1${path}`, init).catch((error: unknown) => {
      throw new VerbError(`The hub at ${url} does not answer (${reasonOf(error)}).`, exitCodes.unreachable);
    });
    if (answer.ok) return answer;
    throw await problemOf(answer);
  };
  const ask = async <T>(method: string, path: string, options?: CallOptions): Promise<T> =>
    (await (await call(method, path, options)).json()) as T;
  const mcp = (endpoint: string, init: RequestInit, session: string | undefined): Promise<Response> =>
    fetch(endpoint, {
      ...init,
      headers: {
        authorization: `Bearer ${token}`,
        accept: "application/json, text/event-stream",
        "content-type": "application/json",
        ...(session === undefined ? {} : { "mcp-session-id": session }),
      },
    });
  return { call, ask, mcp };
}

interface CallOptions {
  readonly signal?: AbortSignal;
  readonly slow?: boolean;
  readonly body?: object;
}

async function problemOf(answer: Response): Promise<VerbError> {
  const text = await answer.text();
  try {
    const { code, title, detail, errors = [] } = JSON.parse(text) as Partial<Problem>;
    const fields = errors.map(({ path, message }) => `${path}: ${message}`);
    const sentence = [detail ?? title ?? `status ${answer.status}`, ...fields].join("\n");
    return new VerbError(sentence, exitCodeOf(code ?? "", answer.status), code);
  } catch {
    return new VerbError(`The hub answers ${answer.status} without saying why.`, exitCodes.internal);
  }
}

function reasonOf(error: unknown): string {
  const { name, cause } = error as Error & { cause?: NodeJS.ErrnoException };
  return name === "TimeoutError" ? "no answer in time" : (cause?.code ?? name);
}
