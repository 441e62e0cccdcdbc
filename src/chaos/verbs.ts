// The orders that the faulty server takes, one row each: what each one changes, and the sentence that says so.
import { type CutPoint, cutPoints } from "./faults.ts";
import { logLevels } from "./log-levels.ts";
import { announce, announceMessage, announceUpdate, pingClients } from "./notices.ts";
import { BadOrder, maxOrderMs, type Order } from "./order.ts";
import { isShapeName, shapes } from "./shapes.ts";
import { toolNamed } from "./tools.ts";
import {
  type Death,
  deathAs,
  defaultSettings,
  forgetSession,
  knownVersions,
  type Session,
  type World,
} from "./world.ts";

export interface Done {
  readonly done: string;
  /** What may only happen once the order was acknowledged, because it takes the connection away. */
  readonly afterwards?: () => void;
}

interface Verb {
  /** The members it takes; typed words fill them in this order. */
  readonly takes: readonly string[];
  readonly does: string;
  readonly run: (world: World, order: Order, refuse: (ms: number) => void) => Done;
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;

function deathOf(order: Order): Death {
  const name = order.text("as", "404-json");
  if (!isShapeName(name)) throw new BadOrder(`no shape "${name}"; known: ${Object.keys(shapes).join(", ")}`);
  return deathAs(name, order.raw("ping") === undefined ? undefined : order.flag("ping", true));
}

function forgetAll(world: World, death: Death): number {
  const sessions = [...world.sessions.values()];
  for (const session of sessions) forgetSession(world, session, death);
  return sessions.length;
}

const indexOf = (which: unknown, count: number) => (which === "last" ? -1 : typeof which === "number" ? which : count);

function pickSession(world: World, which: unknown): Session {
  const sessions = [...world.sessions.values()];
  const picked = sessions.find(({ id }) => id === which) ?? sessions.at(indexOf(which, sessions.length));
  if (picked === undefined) throw new BadOrder(`no session ${String(which)}; there are ${sessions.length}`);
  return picked;
}

const waitingFor = (order: Order) => ({ times: order.whole("times", 1), methods: order.list("methods") });

function answerText(order: Order): Record<string, string> {
  const headers = Object.entries(order.object("headers") ?? {}).map(([name, value]) => [name, String(value)]);
  const type = order.raw("contentType");
  const byBody = typeof order.raw("body") === "object" ? "application/json" : "text/plain; charset=utf-8";
  return { "content-type": type === undefined ? byBody : order.text("contentType"), ...Object.fromEntries(headers) };
}

/** Takes the answer's own headers as they are: a content type of "" means none at all. */
function answerHeaders(order: Order): Record<string, string> {
  const { "content-type": type, ...others } = answerText(order);
  return type === undefined || type === "" ? others : { "content-type": type, ...others };
}

function endGetStreams(world: World, how: "end" | "destroy"): number {
  const open = [...world.sessions.values()].flatMap(({ standalone }) => standalone?.detach() ?? []);
  for (const response of open) response[how]();
  return open.length;
}

const notices: Readonly<Record<string, (world: World, order: Order) => number>> = {
  tools: (world) => announce(world, "notifications/tools/list_changed"),
  prompts: (world) => announce(world, "notifications/prompts/list_changed"),
  resources: (world) => announce(world, "notifications/resources/list_changed"),
  updated: (world, order) => announceUpdate(world, order.text("uri", "chaos://clock")),
  message: (world, order) => {
    const level = logLevels.find((known) => known === order.text("level", "info"));
    if (level === undefined) throw new BadOrder(`no such level; known: ${logLevels.join(", ")}`);
    return announceMessage(world, level, order.text("data", "a message from /chaos"));
  },
  ping: pingClients,
};

const forgetting: Readonly<Record<string, Verb>> = {
  forget: {
    takes: ["as", "ping"],
    does: "forgets all sessions; their ids are refused in the named shape",
    run: (world, order) => {
      const death = deathOf(order);
      return { done: `forgot ${counted(forgetAll(world, death), "session")}; refused as ${death.shape}` };
    },
  },
  "forget-one": {
    takes: ["session", "as", "ping"],
    does: "forgets one session: its number, its id, or last",
    run: (world, order) => {
      const death = deathOf(order);
      const session = pickSession(world, order.raw("session") ?? "last");
      forgetSession(world, session, death);
      return { done: `forgot session ${session.id}; refused as ${death.shape}` };
    },
  },
  "forget-always": {
    takes: ["as", "on", "ping"],
    does: "forgets every session right after its initialize, until turned off",
    run: (world, order) => {
      const on = order.raw("as") !== "off" && order.flag("on", true);
      world.settings.forgetAlways = on ? deathOf(order) : undefined;
      const said = `every new session is forgotten at once; refused as ${world.settings.forgetAlways?.shape}`;
      return { done: on ? said : "new sessions are kept again" };
    },
  },
  refuse: {
    takes: ["ms", "keepSessions", "as"],
    does: "closes the port and all connections for that long; sessions are forgotten unless kept",
    run: (world, order, refuse) => {
      const ms = order.whole("ms", 1_000, maxOrderMs);
      const keep = order.flag("keepSessions", false);
      const death = deathOf(order);
      const afterwards = () => {
        if (!keep) forgetAll(world, death);
        refuse(Math.max(1, ms));
      };
      return { done: `refusing connections for ${ms} ms; sessions ${keep ? "kept" : "forgotten"}`, afterwards };
    },
  },
};

const faulty: Readonly<Record<string, Verb>> = {
  answer: {
    takes: ["status", "times", "methods", "contentType", "body", "headers", "executed"],
    does: "gives the next requests this literal answer",
    run: (world, order) => {
      const status = order.whole("status", 503, 599);
      if (status < 200) throw new BadOrder('"status" has to be a final one, 200 to 599');
      const literal = order.raw("body");
      const body = typeof literal === "object" ? (order.object("body") ?? "") : order.text("body", "");
      const waiting = waitingFor(order);
      const executed = order.flag("executed", false);
      world.faults.push({ do: "answer", status, body, headers: answerHeaders(order), executed, ...waiting });
      return { done: `the next ${counted(waiting.times, "request")} get ${status}` };
    },
  },
  cut: {
    takes: ["when", "times", "executed", "methods"],
    does: `drops the connection of the next tool calls: ${cutPoints.join(", ")}`,
    run: (world, order) => {
      const name = order.text("when", "mid-stream");
      const when = cutPoints.find((point): point is CutPoint => point === name);
      if (when === undefined) throw new BadOrder(`no cut "${name}"; known: ${cutPoints.join(", ")}`);
      const waiting = waitingFor(order);
      const executed = order.flag("executed", false);
      world.faults.push({ do: "cut", when, executed, ...waiting });
      return { done: `the next ${counted(waiting.times, "call")} are cut ${when}, ${executed ? "" : "not "}executed` };
    },
  },
  "close-stream": {
    takes: ["times", "retryMs", "methods"],
    does: "closes the primed stream of the next tool calls before the answer (needs --resumable, 2025-11-25)",
    run: (world, order) => {
      if (!world.resumable || world.json)
        throw new BadOrder("this server was not started with --resumable and streams");
      const waiting = waitingFor(order);
      world.faults.push({ do: "close-stream", retryMs: order.whole("retryMs", 100, maxOrderMs), ...waiting });
      return { done: `the next ${counted(waiting.times, "stream")} close before the answer` };
    },
  },
  delay: {
    takes: ["ms", "times", "methods"],
    does: "lets the next requests wait that long",
    run: (world, order) => {
      const ms = order.whole("ms", 1_000, maxOrderMs);
      const waiting = waitingFor(order);
      world.faults.push({ do: "delay", ms, ...waiting });
      return { done: `the next ${counted(waiting.times, "request")} wait ${ms} ms` };
    },
  },
  hang: {
    takes: ["times", "methods"],
    does: "never answers the next requests",
    run: (world, order) => {
      const waiting = waitingFor(order);
      world.faults.push({ do: "hang", ...waiting });
      return { done: `the next ${counted(waiting.times, "request")} get no answer` };
    },
  },
  get: {
    takes: ["offered"],
    does: "offers the GET stream, or answers it with 405",
    run: (world, order) => {
      world.settings.getOffered = order.flag("offered", true);
      return { done: `the GET stream is ${world.settings.getOffered ? "" : "not "}offered` };
    },
  },
  "close-get": {
    takes: [],
    does: "ends all GET streams cleanly",
    run: (world) => ({ done: `ended ${counted(endGetStreams(world, "end"), "GET stream")}` }),
  },
  "cut-get": {
    takes: [],
    does: "drops the connections of all GET streams",
    run: (world) => ({ done: `cut ${counted(endGetStreams(world, "destroy"), "GET stream")}` }),
  },
};

const changing: Readonly<Record<string, Verb>> = {
  tools: {
    takes: ["add", "remove"],
    does: "changes the tool list without telling anyone, as an upgrade does",
    run: ({ settings }, order) => {
      for (const name of order.list("add") ?? []) settings.tools.set(name, toolNamed(name));
      for (const name of order.list("remove") ?? []) settings.tools.delete(name);
      return { done: `tools: ${[...settings.tools.keys()].join(", ")}` };
    },
  },
  version: {
    takes: ["server"],
    does: "changes the version the server gives as its own",
    run: ({ settings }, order) => {
      settings.version = order.text("server");
      return { done: `serverInfo.version is ${settings.version}` };
    },
  },
  protocol: {
    takes: ["versions"],
    does: "changes the protocol versions it speaks",
    run: ({ settings }, order) => {
      const versions = order.list("versions") ?? [];
      const unknown = versions.find((version) => !knownVersions.some((known) => known === version));
      if (versions.length === 0 || unknown !== undefined)
        throw new BadOrder(`"versions" has to name some of ${knownVersions.join(", ")}`);
      settings.protocolVersions = [...versions].sort();
      return { done: `speaks ${settings.protocolVersions.join(", ")}` };
    },
  },
  capabilities: {
    takes: ["capabilities"],
    does: "replaces the capabilities it offers",
    run: ({ settings }, order) => {
      settings.capabilities = order.object("capabilities") ?? {};
      return { done: `offers ${Object.keys(settings.capabilities).join(", ") || "no capability"}` };
    },
  },
  "require-initialized": {
    takes: ["on"],
    does: "refuses requests before notifications/initialized with -32602",
    run: ({ settings }, order) => {
      settings.requireInitialized = order.flag("on", true);
      return { done: `requests before initialized are ${settings.requireInitialized ? "refused" : "served"}` };
    },
  },
  notify: {
    takes: ["what", "uri", "level", "data"],
    does: `sends on the GET streams: ${Object.keys(notices).join(", ")}`,
    run: (world, order) => {
      const what = order.text("what");
      const send = Object.hasOwn(notices, what) ? notices[what] : undefined;
      if (send === undefined) throw new BadOrder(`no notice "${what}"; known: ${Object.keys(notices).join(", ")}`);
      return { done: `sent to ${counted(send(world, order), "GET stream")}` };
    },
  },
  reset: {
    takes: ["counts"],
    does: "makes it a good server again; counts=true also forgets what was counted",
    run: (world, order, refuse) => {
      Object.assign(world.settings, defaultSettings());
      world.faults.length = 0;
      refuse(0);
      for (const response of world.hanging) response.destroy();
      if (order.flag("counts", false)) {
        for (const counted of [world.executions, world.methods]) counted.clear();
        world.exchanges.length = 0;
        Object.assign(world, { counter: 0, httpRequests: 0 });
      }
      return { done: "a good server again" };
    },
  },
};

export const verbs: Readonly<Record<string, Verb>> = { ...forgetting, ...faulty, ...changing };
