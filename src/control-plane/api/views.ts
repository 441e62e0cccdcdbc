// Turns what the hub knows into what the API shows: never a path, a query, a header value, an argument or a raw id. Pure.
import { basename } from "node:path";
import type {
  Actual,
  ConnectorRecord,
  Exchange as KnownExchange,
  Restore as KnownRestore,
  Running,
  SessionFacts,
  Status,
} from "../../connectors/index.ts";
import { optionsInForce } from "../../connectors/index.ts";
import type { SignInFacts } from "../../credentials/index.ts";
import { catalog, printable } from "../../errors/index.ts";
import type { StoredToken } from "../../store/index.ts";
import type {
  ConnectorStatus,
  ConnectorView,
  Exchange,
  Restore,
  ServerView,
  SessionView,
  SignInView,
  Token,
  Tool,
} from "./schema.ts";

const headLength = 300;

export function toTime(ms: number): string {
  return new Date(ms).toISOString();
}

export function connectorView(
  actual: Actual<Running>,
  origin: string,
  nowMs: number,
  signIn?: SignInFacts,
): ConnectorView {
  const { record, opened } = actual;
  const { name, id, wanted, generation, spec, createdAtMs, changedAtMs } = record;
  const base = `${origin}/c/${name}`;
  return {
    name,
    id,
    server: serverView(record, opened?.origin),
    headerNames: Object.keys(spec.headers),
    options: optionsInForce(spec),
    source: spec.source,
    wanted,
    generation,
    createdAt: toTime(createdAtMs),
    changedAt: toTime(changedAtMs),
    endpoints: { mcp: `${base}/mcp`, sse: `${base}/sse`, ws: `${base.replace(/^http/, "ws")}/ws` },
    status: statusView(actual, nowMs, signIn),
    ...(signIn === undefined ? {} : { signIn: signInView(signIn) }),
    sessions: opened?.sessionCount ?? 0,
    keepsBodies: opened?.inspector.bodies.isOn ?? false,
  };
}

/** `origin`: of a server that is reached, for an address whose beginning is a variable. */
function serverView({ spec: { server } }: ConnectorRecord, origin = ""): ServerView {
  switch (server.kind) {
    case "http":
      return { kind: "http", origin: originOf(server.url) || origin, wire: server.wire };
    case "websocket":
      return { kind: "websocket", origin: originOf(server.url) || origin };
    case "stdio":
      return {
        kind: "stdio",
        command: basename(server.command.replaceAll("\\", "/")),
        argCount: server.args.length,
        envNames: Object.keys(server.env),
        share: server.share,
      };
  }
}

/** Of a URL whose beginning is a variable there is nothing to show. */
function originOf(text: string): string {
  const url = /^\w+:\/\/[^/]*\$\{/.test(text) ? null : URL.parse(text);
  return url === null || url.host === "" ? "" : `${url.protocol}//${url.host}`;
}

export function statusView(
  { record, opened, problem }: Actual<Running>,
  nowMs: number,
  signIn?: SignInFacts,
): ConnectorStatus {
  const sinceMs = record.changedAtMs;
  if (problem !== undefined) {
    return {
      kind: "unreachable",
      since: toTime(sinceMs),
      errorCode: "CONNECTOR_NOT_USABLE",
      summary: problem,
      action: catalog.CONNECTOR_NOT_USABLE.remedy,
    };
  }
  if (opened === undefined) {
    return { kind: "disconnected", since: toTime(sinceMs), summary: "Disconnected, as it was asked to be." };
  }
  return withSignIn(evidenceView(opened.evidence.status(nowMs)), signIn);
}

/** A server that answers, and asks for more rights than the sign-in has, needs its user too. */
function withSignIn(status: ConnectorStatus, signIn: SignInFacts | undefined): ConnectorStatus {
  const trouble = signIn?.trouble;
  if (trouble?.code !== "SCOPE_REQUIRED" || status.kind !== "connected") return status;
  const { summary, remedy } = catalog.SCOPE_REQUIRED;
  const named = [summary, trouble.note].filter((part) => part !== undefined).join(" ");
  const since = toTime(trouble.atMs);
  return { ...status, kind: "needs-sign-in", since, errorCode: trouble.code, summary: named, action: remedy };
}

/** Times and names, and no token. */
export function signInView(facts: SignInFacts): SignInView {
  const { issuer, sinceMs, subject, scope, expiresAtMs, isRenewable, trouble } = facts;
  const sentence = (code: keyof typeof catalog, note = ""): string => `${catalog[code].summary} ${note}`.trim();
  return {
    issuer,
    since: toTime(sinceMs),
    ...(subject === undefined ? {} : { subject: printable(subject, 100) }),
    ...(scope === undefined ? {} : { scope: printable(scope, 300) }),
    ...(expiresAtMs === undefined ? {} : { expiresAt: toTime(expiresAtMs) }),
    isRenewable,
    ...(trouble && {
      trouble: { code: trouble.code, at: toTime(trouble.atMs), sentence: sentence(trouble.code, trouble.note) },
    }),
  };
}

function evidenceView(status: Status): ConnectorStatus {
  const { kind, sinceMs, lastGoodAtMs, lastAnswer, nextTryAtMs, errorCode } = status;
  const action = actionOf(kind, errorCode);
  return {
    kind,
    since: toTime(sinceMs),
    ...(lastGoodAtMs === undefined ? {} : { lastGoodAt: toTime(lastGoodAtMs) }),
    ...(lastAnswer === undefined
      ? {}
      : {
          lastAnswer: {
            at: toTime(lastAnswer.atMs),
            ...(lastAnswer.status === undefined ? {} : { status: lastAnswer.status }),
            head: printable(lastAnswer.head, headLength),
          },
        }),
    ...(nextTryAtMs === undefined ? {} : { nextTryAt: toTime(nextTryAtMs) }),
    ...(errorCode === undefined ? {} : { errorCode }),
    summary: summaryOf(kind, errorCode),
    ...(action === undefined ? {} : { action }),
  };
}

function summaryOf(kind: Status["kind"], errorCode: string | undefined): string {
  const cause = rowOf(errorCode)?.summary;
  switch (kind) {
    case "connected":
      return "The server answers.";
    case "connecting":
      return "The server has been asked and has not answered yet.";
    case "recovering":
      return cause ?? "The server lost its sessions; they are being brought back.";
    case "needs-sign-in":
    case "unreachable":
      return cause ?? "The server does not answer.";
    case "disconnected":
      return "Disconnected, as it was asked to be.";
  }
}

function actionOf(kind: Status["kind"], errorCode: string | undefined): string | undefined {
  if (kind !== "needs-sign-in" && kind !== "unreachable") return undefined;
  return errorCode === "AUTHORIZATION_REQUIRED"
    ? "Sign in, here or with holdfast login NAME; or give the connector a valid Authorization header."
    : rowOf(errorCode)?.remedy;
}

function rowOf(code: string | undefined) {
  return code !== undefined && Object.hasOwn(catalog, code) ? catalog[code as keyof typeof catalog] : undefined;
}

export function sessionView(connector: string, facts: SessionFacts): SessionView {
  const { clientName, clientVersion, openedAtMs, lastSeenAtMs, lastGoodAtMs } = facts;
  return {
    session: facts.session,
    connector,
    user: facts.user,
    ...(clientName === undefined ? {} : { clientName: printable(clientName, 100) }),
    ...(clientVersion === undefined ? {} : { clientVersion: printable(clientVersion, 100) }),
    protocolVersion: printable(facts.protocolVersion, 40),
    generation: facts.generation,
    openedAt: toTime(openedAtMs),
    lastSeenAt: toTime(lastSeenAtMs),
    status: facts.status,
    ...(lastGoodAtMs === undefined ? {} : { lastGoodAt: toTime(lastGoodAtMs) }),
    since: toTime(facts.status === "operating" ? openedAtMs : lastSeenAtMs),
    inFlight: facts.inFlight,
    hasStream: facts.hasStream,
    broken: facts.broken,
  };
}

export function exchangeView({ atMs, restore, bodies, ...record }: KnownExchange): Exchange {
  return {
    ...record,
    jsonrpc_method: printable(record.jsonrpc_method, 200),
    jsonrpc_id: printable(record.jsonrpc_id, 200),
    at: toTime(atMs),
    ...(restore === undefined ? {} : { restore }),
    ...(bodies === undefined ? {} : { hasBodies: true }),
  };
}

export function restoreView(connector: string, restore: KnownRestore): Restore {
  return {
    seq: restore.seq,
    at: toTime(restore.atMs),
    connector,
    session_id: restore.session,
    signal: restore.signal,
    generation: restore.generation,
    outcome: restore.outcome,
    ...(restore.errorCode === undefined ? {} : { error_code: restore.errorCode }),
    elapsed_ms: restore.elapsedMs,
    steps: restore.steps.map(({ step, atMs, tookMs, status, note }) => ({
      step,
      atMs,
      ...(tookMs === undefined ? {} : { tookMs }),
      ...(status === undefined ? {} : { status }),
      ...(note === undefined ? {} : { note: printable(note, 200) }),
    })),
  };
}

export function tokenView({ id, user, label, role, createdAtMs, lastUsedAtMs }: StoredToken): Token {
  return {
    id,
    user,
    label,
    role,
    createdAt: toTime(createdAtMs),
    ...(lastUsedAtMs === undefined ? {} : { lastUsedAt: toTime(lastUsedAtMs) }),
  };
}

/** As the server gave it, bounded; anything that is not of the expected type is left out. */
export function toolView(tool: Readonly<Record<string, unknown>>): Tool {
  const { name, title, description, annotations } = tool;
  const hints = typeof annotations === "object" && annotations !== null ? (annotations as Record<string, unknown>) : {};
  const hint = (key: string) => (typeof hints[key] === "boolean" ? hints[key] : undefined);
  const [readOnly, destructive, idempotent] = [hint("readOnlyHint"), hint("destructiveHint"), hint("idempotentHint")];
  return {
    name: printable(String(name), 200),
    ...(typeof title === "string" ? { title: printable(title, 200) } : {}),
    ...(typeof description === "string" ? { description: description.slice(0, 4_000) } : {}),
    ...(readOnly === undefined ? {} : { readOnly }),
    ...(destructive === undefined ? {} : { destructive }),
    ...(idempotent === undefined ? {} : { idempotent }),
  };
}
