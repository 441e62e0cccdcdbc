export type { BodyTap } from "./body-tap.ts";
export { createLog, type LogOptions } from "./create-log.ts";
export { keyedHash, principalHash, sessionHash } from "./hashes.ts";
export type { Log, LogFormat, LogLevel, RequestRecord } from "./log.ts";
export { createMetrics, type Metrics } from "./metrics.ts";
export { openTracer, type RestoreEnd, type Tracer } from "./tracing.ts";
export type { RequestNews, RestoreStepNews, Watch } from "./watch.ts";
