// What the suite scores for each revision, as its own list says; a scenario that is missing from a run must not pass unnoticed.

const inBoth = [
  "completion-complete",
  "tools-list",
  "tools-call-simple-text",
  "tools-call-image",
  "tools-call-audio",
  "tools-call-embedded-resource",
  "tools-call-mixed-content",
  "tools-call-error",
  "tools-call-with-progress",
  "server-sse-multiple-streams",
  "resources-list",
  "resources-read-text",
  "resources-read-binary",
  "resources-templates-read",
  "prompts-list",
  "prompts-get-simple",
  "prompts-get-with-args",
  "prompts-get-embedded-resource",
  "prompts-get-with-image",
  "dns-rebinding-protection",
] as const;

const legacyOnly = [
  "server-initialize",
  "logging-set-level",
  "ping",
  "tools-call-with-logging",
  "tools-call-sampling",
  "tools-call-elicitation",
  "elicitation-sep1034-defaults",
  "elicitation-sep1330-enums",
  "resources-subscribe",
  "resources-unsubscribe",
] as const;

const modernOnly = [
  "server-stateless",
  "sep-2164-resource-not-found",
  "caching",
  "input-required-result-basic-elicitation",
  "input-required-result-basic-sampling",
  "input-required-result-basic-list-roots",
  "input-required-result-request-state",
  "input-required-result-multiple-input-requests",
  "input-required-result-multi-round",
  "input-required-result-missing-input-response",
  "input-required-result-non-tool-request",
  "input-required-result-result-type",
  "input-required-result-unsupported-methods",
  "input-required-result-tampered-state",
  "input-required-result-capability-check",
  "input-required-result-ignore-extra-params",
  "input-required-result-validate-input",
] as const;

export interface Requirements {
  readonly revision: string;
  readonly scored: readonly string[];
  /** Run and reported, and asked for here as well. The others of this kind need the tasks extension, which neither fixture has. */
  readonly alsoPassed: readonly string[];
}

export const legacyRequirements: Requirements = {
  revision: "2025-11-25",
  scored: [...inBoth, ...legacyOnly],
  alsoPassed: ["server-session-lifecycle", "json-schema-2020-12", "server-sse-polling"],
};

export const modernRequirements: Requirements = {
  revision: "2026-07-28",
  scored: [...inBoth, ...modernOnly],
  alsoPassed: ["json-schema-2020-12", "http-header-validation", "http-custom-header-server-validation"],
};
