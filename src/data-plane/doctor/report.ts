// What a diagnosis says: its steps, and one sentence about the first that failed. Pure: looks at nothing itself.

export type StepName = "config" | "spawn" | "dns" | "tcp" | "tls" | "http" | "initialize" | "list" | "bogus-session";

export interface DoctorStep {
  readonly step: StepName;
  readonly outcome: "ok" | "failed" | "skipped";
  readonly ms: number;
  /** One sentence: what was seen. Never more of an address than host and port. */
  readonly sentence: string;
  /** HTTP status, where the server gave one. */
  readonly status?: number;
  /** The head of what it said, made printable. */
  readonly head?: string;
}

export interface DoctorReport {
  readonly connector: string;
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly ok: boolean;
  readonly steps: DoctorStep[];
  /** One sentence: which step failed, or that none did. */
  readonly verdict: string;
  /** What to do about it. */
  readonly action?: string;
}

/** What one step found, before its time was taken. */
export interface Finding extends Omit<DoctorStep, "step" | "ms"> {
  readonly action?: string;
}

const titles: Readonly<Record<StepName, string>> = {
  config: "Configuration",
  spawn: "Command",
  dns: "DNS",
  tcp: "TCP",
  tls: "TLS",
  http: "HTTP",
  initialize: "Initialize",
  list: "List",
  "bogus-session": "Unknown session",
};

export type TakenStep = DoctorStep & { readonly action?: string };

/** Later steps were not tried where an earlier one failed, so there is at most one to speak of. */
export function reportOf(connector: string, at: Date, taken: readonly TakenStep[]): DoctorReport {
  const failed = taken.find(({ outcome }) => outcome === "failed");
  const last = taken.findLast(({ outcome }) => outcome === "ok");
  const verdict =
    failed === undefined
      ? `No step fails. ${last?.step === "bogus-session" ? last.sentence : ""}`.trim()
      : `${titles[failed.step]} fails: ${failed.sentence}`;
  const action = failed?.action ?? taken.find((step) => step.action !== undefined)?.action;
  return {
    connector,
    at: at.toISOString(),
    ok: failed === undefined,
    steps: taken.map(withoutAction),
    verdict,
    ...(action === undefined ? {} : { action }),
  };
}

function withoutAction(taken: TakenStep): DoctorStep {
  const { action: _action, ...step } = taken;
  return step;
}
