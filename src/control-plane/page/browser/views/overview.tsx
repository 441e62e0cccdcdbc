// The first tab of a connector: the evidence for its status, how clients use it, its sessions, and how losses healed.

import { useSignal } from "@preact/signals";
import type { ConnectorView, TestResult } from "../../../api/schema.ts";
import { at, call } from "../api.ts";
import { Ago } from "../parts/ago.tsx";
import { ProblemNotice } from "../parts/notice.tsx";
import { StatsPanel } from "../parts/stats-panel.tsx";
import { Timeline } from "../parts/timeline.tsx";
import { useAction } from "../parts/use-action.ts";
import { pathTo } from "../route.ts";
import { watched } from "../state.ts";
import { capital, moment, took } from "../words.ts";
import { Sessions } from "./sessions.tsx";
import { SignInPanel } from "./sign-in-panel.tsx";
import { UseIt } from "./use-it.tsx";

const shownRestores = 3;

export function Overview({ connector }: { readonly connector: ConnectorView }) {
  const restores = watched.value?.restores.value ?? [];
  return (
    <>
      <div class="two">
        <StatusPanel connector={connector} />
        <UseIt connector={connector} />
      </div>
      <SignInPanel connector={connector} />
      <Sessions connector={connector} />
      {restores.length > 0 && (
        <section class="panel" aria-labelledby="restores">
          <div class="panel-head">
            <h2 id="restores">Latest restores</h2>
            <a href={pathTo(connector.name, "inspector")}>All exchanges</a>
          </div>
          {restores
            .slice(-shownRestores)
            .toReversed()
            .map((restore) => (
              <Timeline key={restore.seq} restore={restore} />
            ))}
        </section>
      )}
      <StatsPanel connector={connector.name} />
    </>
  );
}

function StatusPanel({ connector: { name, status } }: { readonly connector: ConnectorView }) {
  return (
    <section class="panel" aria-labelledby="status">
      <h2 id="status">Status</h2>
      <p class="summary" data-summary="">
        {status.summary}
      </p>
      {status.action !== undefined && <p class="todo">{status.action}</p>}
      <dl class="facts">
        <dt>{capital(status.kind)} since</dt>
        <dd>
          {moment(status.since)} (<Ago time={status.since} />)
        </dd>
        <dt>Last good exchange</dt>
        <dd>{status.lastGoodAt === undefined ? "none yet" : <Ago time={status.lastGoodAt} />}</dd>
        {status.lastAnswer !== undefined && (
          <>
            <dt>Server's answer</dt>
            <dd>
              {status.lastAnswer.status !== undefined && <b>HTTP {status.lastAnswer.status} </b>}
              <Ago time={status.lastAnswer.at} />
              {status.lastAnswer.head !== "" && (
                <pre class="answer" tabIndex={0} role="region" aria-label="Head of the server's answer">
                  {status.lastAnswer.head}
                </pre>
              )}
            </dd>
          </>
        )}
        {status.nextTryAt !== undefined && (
          <>
            <dt>Next try</dt>
            <dd>
              <Ago time={status.nextTryAt} to="future" />
            </dd>
          </>
        )}
        {status.errorCode !== undefined && (
          <>
            <dt>Error</dt>
            <dd class="mono">{status.errorCode}</dd>
          </>
        )}
      </dl>
      <TestButton name={name} />
    </section>
  );
}

function TestButton({ name }: { readonly name: string }) {
  const action = useAction();
  const result = useSignal<TestResult | undefined>(undefined);
  const test = () => {
    result.value = undefined;
    void action.run(async () => {
      result.value = await call<TestResult>(at(name, "/test"), { method: "POST" });
    });
  };
  return (
    <div class="actions">
      <button type="button" class="button" aria-disabled={action.isBusy} onClick={test}>
        {action.isBusy ? "Asking the server…" : "Test now"}
      </button>
      <a class="button" href={pathTo(name, "doctor")}>
        Doctor
      </a>
      <span role="status" class="test-result">
        {result.value !== undefined &&
          (result.value.ok
            ? `Answered in ${took(result.value.elapsedMs)}.`
            : `Failed after ${took(result.value.elapsedMs)}: ${result.value.status.summary}`)}
      </span>
      <ProblemNotice error={action.error.value} />
    </div>
  );
}
