// How one loss healed, step by step: what was done, when, and how long it took. Draws what the hub noted and nothing else.
import type { Restore, RestoreStep } from "../../../api/schema.ts";
import { clock, took } from "../words.ts";

const stepNames: Readonly<Record<RestoreStep["step"], string>> = {
  call: "Call",
  refused: "Refused",
  initialize: "initialize",
  initialized: "initialized",
  stream: "Stream reopened",
  "log-level": "Log level put back",
  subscriptions: "Subscriptions put back",
  saved: "Saved",
  replay: "Replay",
  answer: "Answer",
  failed: "Failed",
};

const outcomes: Readonly<Record<Restore["outcome"], string>> = {
  running: "Restoring",
  restored: "Restored",
  overtaken: "Overtaken by another restore",
  abandoned: "Abandoned",
  failed: "Failed",
};

export function Timeline({ restore }: { readonly restore: Restore }) {
  const { steps, outcome, elapsed_ms: elapsed } = restore;
  const first = Math.min(0, ...steps.map((step) => step.atMs));
  const whole = Math.max(1, elapsed, ...steps.map((step) => step.atMs + (step.tookMs ?? 0))) - first;
  return (
    <article class={`timeline is-${outcome}`} aria-label={`Restore at ${clock(restore.at)}`} data-restore={restore.seq}>
      <header class="timeline-head">
        <b>
          {outcomes[outcome]}
          {outcome !== "running" && ` in ${took(elapsed)}`}
        </b>
        <span class="quiet">
          {clock(restore.at)} · {restore.signal} · generation {restore.generation}
          {restore.error_code !== undefined && ` · ${restore.error_code}`}
        </span>
      </header>
      <ol class="steps">
        {steps.map((step, index) => (
          <Step key={index} step={step} from={(step.atMs - first) / whole} width={(step.tookMs ?? 0) / whole} />
        ))}
      </ol>
    </article>
  );
}

function Step({ step, from, width }: { readonly step: RestoreStep; readonly from: number; readonly width: number }) {
  return (
    <li class={`step is-${step.step}`}>
      <span class="step-name">
        {stepNames[step.step]} {step.status !== undefined && <b>{step.status}</b>}
        {step.note !== undefined && <span class="quiet mono"> {step.note}</span>}
      </span>
      <span class="step-track" aria-hidden="true">
        <span class="step-bar" style={{ left: `${from * 100}%`, width: `${width * 100}%` }} />
      </span>
      <span class="step-time">
        <span class="unseen">at </span>
        {took(Math.max(0, step.atMs))}
        {step.tookMs !== undefined && <span class="quiet"> +{took(step.tookMs)}</span>}
      </span>
    </li>
  );
}
