// Starts a connector's program anew, as after an upgrade of it, and says what became of the sessions.
import { useSignal } from "@preact/signals";
import type { ConnectorView, UpgradeResult } from "../../../api/schema.ts";
import { at, call } from "../api.ts";
import { ProblemNotice } from "../parts/notice.tsx";
import { useAction } from "../parts/use-action.ts";
import { countOf } from "../words.ts";

export function UpgradeButton({ connector: { name } }: { readonly connector: ConnectorView }) {
  const action = useAction();
  const outcome = useSignal("");
  const press = () => {
    outcome.value = "";
    void action.run(async () => {
      outcome.value = wordsOf(await call<UpgradeResult>(at(name, "/upgrade"), { method: "POST" }));
    });
  };
  return (
    <>
      <span class="quiet" role="status">
        {outcome.value}
      </span>
      <button
        type="button"
        class="button"
        aria-disabled={action.isBusy}
        aria-label={`Upgrade ${name}`}
        title="Starts the program anew and moves the sessions there, without a call lost"
        onClick={press}
      >
        {action.isBusy ? "Upgrading…" : "Upgrade"}
      </button>
      {action.error.value !== undefined && <ProblemNotice error={action.error.value} />}
    </>
  );
}

function wordsOf({ moved, failed }: UpgradeResult): string {
  const left = failed === 0 ? "" : `, ${countOf(failed, "session")} left on the old process`;
  return `${countOf(moved, "session")} moved${left}`;
}
