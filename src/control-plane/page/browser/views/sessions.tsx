// The sessions of a connector, each with "Break it": the next request carries a dead id, so that anyone can see it heal.
import { useSignal } from "@preact/signals";
import type { ConnectorView, SessionView } from "../../../api/schema.ts";
import { at, call } from "../api.ts";
import { Ago } from "../parts/ago.tsx";
import { ConfirmDialog } from "../parts/dialog.tsx";
import { BreakIcon } from "../parts/icons.tsx";
import { Empty, ProblemNotice, Waiting } from "../parts/notice.tsx";
import { useAction } from "../parts/use-action.ts";
import { watched } from "../state.ts";
import { capital, countOf, grouped } from "../words.ts";

/** More would be a wall; the shell lists all. */
const mostShown = 100;

export function Sessions({ connector }: { readonly connector: ConnectorView }) {
  const view = watched.value?.name === connector.name ? watched.value : undefined;
  const all = view?.sessions.value;
  return (
    <section class="panel" aria-labelledby="sessions">
      <h2 id="sessions">Sessions {all !== undefined && <span class="count">{grouped(all.size)}</span>}</h2>
      <ProblemNotice error={view?.problem.value} />
      {all === undefined ? (
        view?.problem.value === undefined && <Waiting rows={2} what="sessions" />
      ) : all.size === 0 ? (
        <Empty title="No sessions">
          <p>
            {connector.wanted === "connected"
              ? "A session begins when a client connects to the URL above."
              : "A disconnected connector has none; clients are told so."}
          </p>
        </Empty>
      ) : (
        <SessionTable sessions={[...all.values()].sort(byLastSeen)} />
      )}
    </section>
  );
}

const byLastSeen = (a: SessionView, b: SessionView) => b.lastSeenAt.localeCompare(a.lastSeenAt);

function SessionTable({ sessions }: { readonly sessions: readonly SessionView[] }) {
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-label="Sessions">
        <table>
          <thead>
            <tr>
              <th scope="col">Client</th>
              <th scope="col">Status</th>
              <th scope="col" class="is-wide">
                Last seen
              </th>
              <th scope="col" class="is-wide">
                Opened
              </th>
              <th scope="col" class="is-wide">
                User
              </th>
              <th scope="col" class="is-number is-wide">
                Generation
              </th>
              <th scope="col">
                <span class="unseen">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {sessions.slice(0, mostShown).map((session) => (
              <SessionRow key={session.session} session={session} />
            ))}
          </tbody>
        </table>
      </div>
      {sessions.length > mostShown && (
        <p class="help">
          The {mostShown} that were seen last; {countOf(sessions.length - mostShown, "more", "more")} with{" "}
          <code class="mono">holdfast sessions</code>.
        </p>
      )}
    </>
  );
}

function SessionRow({ session }: { readonly session: SessionView }) {
  const { clientName, clientVersion, status, lastGoodAt, lastSeenAt } = session;
  return (
    <tr data-session={session.session}>
      <td>
        {clientName === undefined ? "unnamed client" : `${clientName} ${clientVersion ?? ""}`.trim()}
        <span class="quiet mono sub">{session.session}</span>
      </td>
      <td>
        <span class={`word is-${status}`}>{capital(status)}</span>
        <span class="quiet sub">
          since <Ago time={session.since} />
          {session.hasStream && " · stream open"}
          {session.inFlight > 0 && ` · ${session.inFlight} under way`}
        </span>
        <span class="quiet sub is-narrow">
          last seen <Ago time={lastSeenAt} />
        </span>
        {session.broken && <span class="sub broken">next request carries a dead id</span>}
      </td>
      <td class="is-wide">
        <Ago time={lastSeenAt} />
        {lastGoodAt !== undefined && (
          <span class="quiet sub">
            last good exchange <Ago time={lastGoodAt} />
          </span>
        )}
      </td>
      <td class="is-wide">
        <Ago time={session.openedAt} />
      </td>
      <td class="is-wide">{session.user}</td>
      <td class="is-number is-wide">{session.generation}</td>
      <td class="is-actions">
        <SessionActions session={session} />
      </td>
    </tr>
  );
}

function SessionActions({ session }: { readonly session: SessionView }) {
  const breaking = useAction();
  const ending = useAction();
  const isAsking = useSignal(false);
  const path = at(session.connector, `/sessions/${encodeURIComponent(session.session)}`);
  const isAtRest = session.status === "stored";
  const name = session.clientName ?? session.session;
  return (
    <>
      <div class="actions is-end">
        <button
          type="button"
          class="button is-small"
          aria-disabled={session.broken || isAtRest || breaking.isBusy}
          aria-label={`${session.broken ? "Broken" : "Break it"}: session of ${name}`}
          title="Its next request to the server carries a dead id. Make a call from the client and see it heal."
          onClick={() =>
            session.broken || isAtRest || void breaking.run(() => call(`${path}/break`, { method: "POST" }))
          }
        >
          <BreakIcon /> {session.broken ? "Broken" : "Break it"}
        </button>
        <button
          type="button"
          class="button is-small"
          aria-label={`End the session of ${name}`}
          onClick={() => (isAsking.value = true)}
        >
          End
        </button>
      </div>
      {session.broken && <p class="help">Now make a call from the client.</p>}
      <ProblemNotice error={breaking.error.value} />
      {isAsking.value && (
        <ConfirmDialog
          title={`End the session of ${name}?`}
          verb="End session"
          isBusy={ending.isBusy}
          error={ending.error.value}
          onConfirm={() =>
            void ending.run(() => call(path, { method: "DELETE" })).then((isDone) => isDone && (isAsking.value = false))
          }
          onCancel={() => (isAsking.value = false)}
        >
          <p>It ends here and at the server. The client is told that its session is gone and may open a new one.</p>
        </ConfirmDialog>
      )}
    </>
  );
}
