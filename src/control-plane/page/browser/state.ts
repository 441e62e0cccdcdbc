// What the page knows, as the hub said it. The only place where the hub's events change something; derives no status of its own.
import { computed, type Signal, signal } from "@preact/signals";
import type { ConnectorView, Exchange, ExchangeList, LiveEvent, Restore, SessionView } from "../../api/schema.ts";
import { at, call } from "./api.ts";
import { byName } from "./words.ts";

/** Undefined until the first snapshot. Each connector is a signal of its own, so that news of one draws one. */
export const connectors = signal<ReadonlyMap<string, Signal<ConnectorView>> | undefined>(undefined);

/** What is shown of one connector beside itself. Restores and exchanges share one numbering. */
export interface Watched {
  readonly name: string;
  readonly sessions: Signal<ReadonlyMap<string, SessionView> | undefined>;
  readonly exchanges: Signal<readonly Exchange[]>;
  readonly restores: Signal<readonly Restore[]>;
  readonly problem: Signal<unknown>;
}

export const watched = signal<Watched | undefined>(undefined);

const keptExchanges = 500;
const keptRestores = 50;

/** Grows with every snapshot, so that what was asked for before a gap is asked again. */
export const snapshots = signal(0);

/** The counts that the list begins with. */
export const names = computed(() => [...(connectors.value?.keys() ?? [])].sort(byName));

export function take(events: readonly LiveEvent[]): void {
  for (const event of events) takeOne(event);
}

function takeOne(event: LiveEvent): void {
  switch (event.type) {
    case "snapshot":
      connectors.value = new Map(event.connectors.map((one) => [one.name, existing(one)]));
      snapshots.value += 1;
      return;
    case "connector":
      return put(event.connector);
    case "connector-removed":
      return drop(event.name);
    case "session":
    case "session-ended":
    case "exchange":
    case "restore":
      return takeDetail(event);
  }
}

type Detail = Extract<LiveEvent, { readonly type: "session" | "session-ended" | "exchange" | "restore" }>;

function takeDetail(event: Detail): void {
  const view = watched.peek();
  if (view === undefined) return;
  if (event.type === "session") {
    if (event.session.connector === view.name)
      changeSessions(view, (all) => all.set(event.session.session, event.session));
  } else if (event.type === "session-ended") {
    if (event.connector === view.name) changeSessions(view, (all) => all.delete(event.session));
  } else if (event.type === "exchange") {
    if (event.exchange.connector === view.name)
      view.exchanges.value = merge(view.exchanges.value, [event.exchange], keptExchanges);
  } else if (event.restore.connector === view.name) {
    view.restores.value = merge(view.restores.value, [event.restore], keptRestores);
  }
}

function existing(connector: ConnectorView): Signal<ConnectorView> {
  const known = connectors.peek()?.get(connector.name);
  if (known === undefined) return signal(connector);
  known.value = connector;
  return known;
}

function put(connector: ConnectorView): void {
  const isNew = connectors.peek()?.has(connector.name) !== true;
  const entry = existing(connector);
  if (isNew) connectors.value = new Map(connectors.peek() ?? []).set(connector.name, entry);
}

export function drop(name: string): void {
  const left = new Map(connectors.peek() ?? []);
  if (left.delete(name)) connectors.value = left;
}

/** Takes the answer to a change. An event that came first is as new or newer, so only a later generation counts. */
export function takeAnswer(connector: ConnectorView): void {
  const known = connectors.peek()?.get(connector.name)?.peek();
  if (known === undefined || connector.id !== known.id || connector.generation > known.generation) put(connector);
}

function changeSessions(view: Watched, change: (all: Map<string, SessionView>) => unknown): void {
  const all = new Map(view.sessions.value ?? []);
  change(all);
  view.sessions.value = all;
}

/** By number, oldest first; of two with one number the later told, and never an older telling of a restore that is over. */
export function merge<Numbered extends { readonly seq: number; readonly outcome?: string }>(
  known: readonly Numbered[],
  news: readonly Numbered[],
  keep: number,
): readonly Numbered[] {
  const last = known.at(-1);
  const [first] = news;
  // Nearly always: one more at the end.
  if (news.length === 1 && first !== undefined && (last === undefined || last.seq < first.seq)) {
    return [...known.slice(known.length >= keep ? known.length - keep + 1 : 0), first];
  }
  const all = new Map(known.map((one) => [one.seq, one]));
  for (const one of news) {
    const before = all.get(one.seq);
    if (before?.outcome === undefined || before.outcome === "running" || one.outcome !== "running")
      all.set(one.seq, one);
  }
  return [...all.values()].sort((a, b) => a.seq - b.seq).slice(-keep);
}

/** Shows one connector's sessions and exchanges from now on. Returns the way to stop. */
export function watch(name: string): () => void {
  const view: Watched = {
    name,
    sessions: signal(undefined),
    exchanges: signal([]),
    restores: signal([]),
    problem: signal(undefined),
  };
  watched.value = view;
  const stopAsking = snapshots.subscribe(() => void ask(view));
  return () => {
    stopAsking();
    if (watched.peek() === view) watched.value = undefined;
  };
}

async function ask(view: Watched): Promise<void> {
  try {
    const [, list] = await Promise.all([
      askSessions(view),
      call<ExchangeList>(at(view.name, `/exchanges?limit=${keptExchanges}`)),
    ]);
    view.exchanges.value = merge(view.exchanges.value, list.exchanges, keptExchanges);
    view.restores.value = merge(view.restores.value, list.restores, keptRestores);
    view.problem.value = undefined;
  } catch (error) {
    view.problem.value = error;
  }
}

/** An event that arrives while the answer is on its way may be newer than the answer: then the list is asked for again. */
async function askSessions(view: Watched): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const before = view.sessions.peek();
    const { sessions } = await call<{ readonly sessions: readonly SessionView[] }>(at(view.name, "/sessions"));
    if (view.sessions.peek() !== before && attempt < 3) continue;
    view.sessions.value = new Map(sessions.map((session) => [session.session, session]));
    return;
  }
}
