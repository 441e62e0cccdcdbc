// Calls the hub's REST API. Keeps no state but whether the hub knows who asks.
import { signal } from "@preact/signals";
import type { Problem } from "../../api/schema.ts";
import { learnClock } from "./time.ts";

/** False once the hub has said that it does not know this browser; at the door nobody is known yet. */
export const isSignedIn = signal(location.pathname !== "/login");

/** What was asked before a sign-in says nothing about the time after it. */
let visit = 0;

export function enter(): void {
  visit += 1;
  isSignedIn.value = true;
}

const root = "/api/v1";

/** What the hub said instead of doing it. */
export class ApiProblem extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }

  /** What is wrong with one field of the input. */
  of(path: string): string | undefined {
    return this.problem.errors?.find((error) => error.path === path || error.path.startsWith(`${path}.`))?.message;
  }
}

export interface CallOptions {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  readonly body?: object;
  /** The generation that the change is meant for. */
  readonly generation?: number;
  readonly signal?: AbortSignal;
}

/** @throws ApiProblem with the hub's own words, or with ours where it does not answer */
export async function call<Answer>(path: string, options: CallOptions = {}): Promise<Answer> {
  const response = await request(path, options);
  return (response.status === 204 ? undefined : await response.json()) as Answer;
}

/** The answer itself, for streams. */
export async function request(path: string, options: CallOptions & { accept?: string } = {}): Promise<Response> {
  const { method = "GET", body, generation, signal: abort, accept = "application/json" } = options;
  const asked = visit;
  const response = await fetch(root + path, {
    method,
    headers: {
      accept,
      ...(body && { "content-type": "application/json" }),
      ...(generation !== undefined && { "if-match": `"${generation}"` }),
    },
    ...(body && { body: JSON.stringify(body) }),
    ...(abort && { signal: abort }),
    credentials: "same-origin",
    cache: "no-store",
  }).catch((error: unknown) => {
    if (abort?.aborted === true) throw error;
    throw new ApiProblem(silence);
  });
  learnClock(response.headers.get("date"));
  if (response.status === 401 && asked === visit) isSignedIn.value = false;
  if (!response.ok) throw new ApiProblem(await problemOf(response));
  return response;
}

const silence: Problem = {
  type: "about:blank",
  title: "No answer",
  status: 0,
  detail: "The hub does not answer. It may have been stopped; this page goes on when it is back.",
  code: "-",
};

async function problemOf(response: Response): Promise<Problem> {
  const told = (await response.json().catch(() => ({}))) as Partial<Problem>;
  return {
    ...silence,
    title: `HTTP ${response.status}`,
    status: response.status,
    detail: `The hub answered ${response.status} and said no more.`,
    ...told,
  };
}

/** For what a view shows beside the button that was pressed. */
export function problemFrom(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  return new ApiProblem({
    ...silence,
    title: "Failed",
    detail: error instanceof Error ? error.message : String(error),
  });
}

export const at = (name: string, rest = ""): string => `/connectors/${encodeURIComponent(name)}${rest}`;
