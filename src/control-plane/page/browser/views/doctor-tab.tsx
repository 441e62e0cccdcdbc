// Runs the doctor and shows its report: each step toward the server, and one sentence that says which failed and what to do.
import { useSignal } from "@preact/signals";
import type { DoctorReport, DoctorStep } from "../../../api/schema.ts";
import { at, call } from "../api.ts";
import { Ago } from "../parts/ago.tsx";
import { CheckIcon, CrossIcon } from "../parts/icons.tsx";
import { ProblemNotice, Waiting } from "../parts/notice.tsx";
import { useAction } from "../parts/use-action.ts";
import { capital, took } from "../words.ts";

const stepNames: Readonly<Record<DoctorStep["step"], string>> = {
  config: "Configuration",
  spawn: "Start of the process",
  dns: "DNS",
  tcp: "TCP",
  tls: "TLS",
  http: "HTTP",
  initialize: "initialize",
  list: "List of tools",
  "bogus-session": "Made-up session id",
};

export function DoctorTab({ name }: { readonly name: string }) {
  const action = useAction();
  const report = useSignal<DoctorReport | undefined>(undefined);
  const run = () => {
    report.value = undefined;
    void action.run(async () => {
      report.value = await call<DoctorReport>(at(name, "/doctor"), { method: "POST" });
    });
  };
  return (
    <section class="panel" aria-labelledby="doctor">
      <div class="panel-head">
        <h2 id="doctor">Doctor</h2>
        <button type="button" class="button is-main" aria-disabled={action.isBusy} onClick={run}>
          {action.isBusy ? "Examining…" : report.value === undefined ? "Run the doctor" : "Run again"}
        </button>
      </div>
      <p class="quiet">
        Goes the whole way to the server on a session of its own, one step after the other, and says which step fails.
        Sessions of clients are left alone.
      </p>
      <ProblemNotice error={action.error.value} />
      {action.isBusy && <Waiting rows={6} what="the report" />}
      <div role="status">
        {report.value !== undefined && (
          <div class={`verdict ${report.value.ok ? "is-good" : "is-bad"}`}>
            <p>
              <b>{report.value.verdict}</b>
            </p>
            {report.value.action !== undefined && <p>{report.value.action}</p>}
          </div>
        )}
      </div>
      {report.value !== undefined && (
        <>
          <ol class="doctor">
            {report.value.steps.map((step) => (
              <StepRow key={step.step} step={step} />
            ))}
          </ol>
          <p class="quiet">
            Examined <Ago time={report.value.at} />.
          </p>
        </>
      )}
    </section>
  );
}

function StepRow({ step }: { readonly step: DoctorStep }) {
  return (
    <li class={`doctor-step is-${step.outcome}`} data-step={step.step} data-outcome={step.outcome}>
      <span class="doctor-mark">
        {step.outcome === "ok" ? <CheckIcon /> : step.outcome === "failed" ? <CrossIcon /> : null}
        {capital(step.outcome)}
      </span>
      <div>
        <b>{stepNames[step.step]}</b>
        {step.status !== undefined && ` HTTP ${step.status}`}
        <p>{step.sentence}</p>
        {step.head !== undefined && step.head !== "" && (
          <pre
            class="answer"
            tabIndex={0}
            role="region"
            aria-label={`What the server answered to ${stepNames[step.step]}`}
          >
            {step.head}
          </pre>
        )}
      </div>
      <span class="doctor-time">{step.outcome === "skipped" ? "" : took(step.ms)}</span>
    </li>
  );
}
