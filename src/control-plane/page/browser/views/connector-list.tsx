// All connectors with their status, narrowed by name and by status. Draws each row by itself, so that news of one draws one.
import { computed, type Signal, signal } from "@preact/signals";
import type { ConnectorView, StatusKind } from "../../../api/schema.ts";
import { at, call } from "../api.ts";
import { PlusIcon, StatusIcon } from "../parts/icons.tsx";
import { Empty, ProblemNotice, Waiting } from "../parts/notice.tsx";
import { StatsPanel } from "../parts/stats-panel.tsx";
import { Evidence, StatusWord } from "../parts/status.tsx";
import { useAction } from "../parts/use-action.ts";
import { pathTo } from "../route.ts";
import { connectors, names, takeAnswer } from "../state.ts";
import { capital, countOf } from "../words.ts";
import { placeOf } from "./place.ts";

/** Kept while the page is open, so that going back finds the list as it was left. */
const search = signal("");
const onlyKind = signal<StatusKind | undefined>(undefined);

/** Troubles first, as their chips stand. */
const kinds: readonly StatusKind[] = [
  "unreachable",
  "needs-sign-in",
  "recovering",
  "connecting",
  "connected",
  "disconnected",
];

const counts = computed(() => {
  const all = new Map<StatusKind, number>();
  for (const connector of connectors.value?.values() ?? []) {
    const { kind } = connector.value.status;
    all.set(kind, (all.get(kind) ?? 0) + 1);
  }
  return all;
});

const shown = computed(() => {
  const text = search.value.trim().toLowerCase();
  return names.value.flatMap((name) => {
    const connector = connectors.value?.get(name);
    if (connector === undefined || !name.toLowerCase().includes(text)) return [];
    // Reading a row's status here would draw the whole list with each change, so it is read only while it narrows.
    return onlyKind.value !== undefined && connector.value.status.kind !== onlyKind.value ? [] : [{ name, connector }];
  });
});

export function ConnectorList() {
  if (connectors.value === undefined) return <Waiting rows={6} what="connectors" />;
  return (
    <>
      <div class="title-row">
        <h1>Connectors</h1>
        <a class="button is-main" href="/add">
          <PlusIcon /> Add connector
        </a>
      </div>
      {connectors.value.size === 0 ? (
        <Empty title="No connectors yet">
          <p>
            A connector is a name for an MCP server. Clients connect to Holdfast by that name, and their sessions
            outlive the server's restarts.
          </p>
          <a class="button is-main" href="/add">
            Add the first one
          </a>
        </Empty>
      ) : (
        <>
          <StatsPanel />
          <Filters />
          <Rows />
        </>
      )}
    </>
  );
}

function Filters() {
  return (
    <div class="filters">
      <input
        type="search"
        class="search"
        placeholder="Filter by name"
        aria-label="Filter by name"
        value={search.value}
        onInput={(event) => (search.value = event.currentTarget.value)}
      />
      <div class="chips" role="group" aria-label="Filter by status">
        {kinds.map((kind) => {
          const count = counts.value.get(kind) ?? 0;
          const isOn = onlyKind.value === kind;
          if (count === 0 && !isOn) return null;
          return (
            <button
              key={kind}
              type="button"
              class="chip"
              aria-pressed={isOn}
              onClick={() => (onlyKind.value = isOn ? undefined : kind)}
            >
              <StatusIcon kind={kind} />
              {capital(kind)} <span class="count">{count}</span>
            </button>
          );
        })}
      </div>
    </div>
  );
}

function Rows() {
  if (shown.value.length === 0) return <Empty title="No connector matches the filter" />;
  return (
    <ul class="rows panel" aria-label="Connectors">
      {shown.value.map(({ name, connector }) => (
        <Row key={name} connector={connector} />
      ))}
    </ul>
  );
}

function Row({ connector: source }: { readonly connector: Signal<ConnectorView> }) {
  const connector = source.value;
  const { name, status, sessions } = connector;
  return (
    <li class="row" data-name={name}>
      <StatusWord status={status} />
      <div class="row-what">
        <a class="row-name" href={pathTo(name)}>
          {name}
        </a>
        <span class="row-place mono">{placeOf(connector.server)}</span>
      </div>
      <div class="row-evidence">
        {status.kind !== "connected" && <span class="row-summary">{status.summary}</span>}
        <Evidence status={status} />
      </div>
      <span class="row-sessions">{countOf(sessions, "session")}</span>
      <WantedButton connector={connector} isSmall />
    </li>
  );
}

/** Connects or disconnects: what is stored is what is wanted, and the status beside it what is so. */
export function WantedButton({
  connector,
  isSmall = false,
}: {
  readonly connector: ConnectorView;
  readonly isSmall?: boolean;
}) {
  const action = useAction();
  const verb = connector.wanted === "connected" ? "disconnect" : "connect";
  const press = () => {
    void action.run(async () => takeAnswer(await call(at(connector.name, `/${verb}`), { method: "POST" })));
  };
  return (
    <>
      <button
        type="button"
        class={`button ${isSmall ? "is-small" : ""}`}
        aria-disabled={action.isBusy}
        aria-label={`${capital(verb)} ${connector.name}`}
        onClick={press}
      >
        {capital(verb)}
      </button>
      {action.error.value !== undefined && <ProblemNotice error={action.error.value} />}
    </>
  );
}
