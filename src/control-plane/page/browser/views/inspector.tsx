// The last exchanges and restores of a connector, newest first and live. Shows what the log line holds, and bodies where they are kept.
import { computed, signal, useComputed, useSignal } from "@preact/signals";
import type { Exchange, Restore } from "../../../api/schema.ts";
import { BodiesRow, BodiesSwitch } from "../parts/bodies.tsx";
import { Empty, ProblemNotice, Waiting } from "../parts/notice.tsx";
import { Timeline } from "../parts/timeline.tsx";
import { watched } from "../state.ts";
import { clock, size, took } from "../words.ts";

type Kind = "all" | "errors" | "restores";
const kinds: readonly (readonly [Kind, string])[] = [
  ["all", "All"],
  ["errors", "Errors"],
  ["restores", "Restores"],
];

const search = signal("");
const onlyKind = signal<Kind>("all");
const mostShown = 200;

interface Entry {
  readonly seq: number;
  readonly exchange?: Exchange;
  readonly restore?: Restore;
}

const entries = computed((): readonly Entry[] => {
  const view = watched.value;
  if (view === undefined) return [];
  const all: Entry[] = [
    ...view.exchanges.value.map((exchange) => ({ seq: exchange.seq, exchange })),
    ...view.restores.value.map((restore) => ({ seq: restore.seq, restore })),
  ];
  return all.sort((a, b) => b.seq - a.seq);
});

export const isError = (exchange: Exchange) => exchange.status >= 400 || exchange.error_code !== "-";

function isShown({ exchange, restore }: Entry, kind: Kind, text: string): boolean {
  if (restore !== undefined)
    return kind !== "errors" && (text === "" || JSON.stringify(restore).toLowerCase().includes(text));
  if (exchange === undefined) return false;
  if (kind === "restores" && exchange.restore === undefined) return false;
  if (kind === "errors" && !isError(exchange)) return false;
  return text === "" || Object.values(exchange).join(" ").toLowerCase().includes(text);
}

export function Inspector({ name }: { readonly name: string }) {
  const frozen = useSignal<readonly Entry[] | undefined>(undefined);
  const shown = useComputed(() => {
    const text = search.value.trim().toLowerCase();
    return (frozen.value ?? entries.value).filter((entry) => isShown(entry, onlyKind.value, text)).slice(0, mostShown);
  });
  const view = watched.value;
  return (
    <section class="panel" aria-labelledby="inspector">
      <div class="panel-head">
        <h2 id="inspector">Exchanges</h2>
        <div class="actions is-end">
          <BodiesSwitch name={name} />
          <button
            type="button"
            class="button is-small"
            aria-pressed={frozen.value !== undefined}
            onClick={() => (frozen.value = frozen.value === undefined ? entries.value : undefined)}
          >
            {frozen.value === undefined ? "Pause" : "Go on"}
          </button>
        </div>
      </div>
      <InspectorFilters />
      <ProblemNotice error={view?.problem.value} />
      {view?.sessions.value === undefined && view?.problem.value === undefined ? (
        <Waiting rows={5} what="exchanges" />
      ) : entries.value.length === 0 ? (
        <Empty title="Nothing has passed yet">
          <p>Each call through {name} appears here as it happens: method, status, milliseconds.</p>
        </Empty>
      ) : shown.value.length === 0 ? (
        <Empty title="Nothing matches the filter" />
      ) : (
        <ExchangeTable entries={shown.value} />
      )}
    </section>
  );
}

function InspectorFilters() {
  return (
    <div class="filters">
      <input
        type="search"
        class="search"
        placeholder="Filter: method, session, user, code"
        aria-label="Filter exchanges"
        value={search.value}
        onInput={(event) => (search.value = event.currentTarget.value)}
      />
      <div class="chips" role="group" aria-label="Kind">
        {kinds.map(([kind, word]) => (
          <button
            key={kind}
            type="button"
            class="chip"
            aria-pressed={onlyKind.value === kind}
            onClick={() => (onlyKind.value = kind)}
          >
            {word}
          </button>
        ))}
      </div>
    </div>
  );
}

function ExchangeTable({ entries }: { readonly entries: readonly Entry[] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Exchanges, newest first">
      <table class="exchanges">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Method</th>
            <th scope="col" class="is-number">
              Status
            </th>
            <th scope="col" class="is-number">
              Took
            </th>
            <th scope="col">Outcome</th>
            <th scope="col" class="is-wide">
              Session
            </th>
            <th scope="col" class="is-wide">
              User
            </th>
            <th scope="col" class="is-number is-wide">
              Body
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map(({ seq, exchange, restore }) =>
            exchange === undefined ? (
              restore !== undefined && (
                <tr key={`r${seq}`} class="is-restore">
                  <td colSpan={8}>
                    <Timeline restore={restore} />
                  </td>
                </tr>
              )
            ) : (
              <ExchangeRow key={seq} exchange={exchange} />
            ),
          )}
        </tbody>
      </table>
    </div>
  );
}

const methodOf = (one: Exchange) => (one.jsonrpc_method === "-" ? one.http_method : one.jsonrpc_method);

function ExchangeRow({ exchange: one }: { readonly exchange: Exchange }) {
  const isOpen = useSignal(false);
  const row = (
    <tr data-seq={one.seq} class={isError(one) ? "is-error" : ""}>
      <td class="mono nowrap" title={one.at}>
        {clock(one.at)}
      </td>
      <td class="mono">
        {one.hasBodies === true ? (
          <button
            type="button"
            class="link mono"
            aria-expanded={isOpen.value}
            onClick={() => (isOpen.value = !isOpen.value)}
          >
            {methodOf(one)}
          </button>
        ) : (
          methodOf(one)
        )}
        {one.jsonrpc_id !== "-" && <span class="quiet"> #{one.jsonrpc_id}</span>}
      </td>
      <td class="is-number">{one.status}</td>
      <td class="is-number nowrap">{took(one.elapsed_ms)}</td>
      <td>
        {one.recovery !== "-" && <span class="word is-restored">{one.recovery}</span>}
        {one.error_code !== "-" && <span class="mono code">{one.error_code}</span>}
      </td>
      <td class="mono quiet is-wide">{one.session_id}</td>
      <td class="is-wide">{one.user_id}</td>
      <td class="is-number is-wide nowrap">{size(one.body_len)}</td>
    </tr>
  );
  return (
    <>
      {row}
      {one.hasBodies === true && isOpen.value && <BodiesRow exchange={one} columns={8} />}
    </>
  );
}
