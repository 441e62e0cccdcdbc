// Shows each restore as a span to the tracer that the user has registered. Sets up no exporter, and takes neither a URL nor a raw session id.

export interface RestoreFacts {
  readonly connector: string;
  /** Short keyed hash, as in the log. */
  readonly sessionHash: string;
  /** The fault by which the loss was recognised. */
  readonly signal: string;
  /** The generation that the restore is to make. */
  readonly generation: number;
}

export type RestoreEnd =
  | { readonly outcome: "restored"; readonly protocolVersion: string }
  /** Another process had restored the session first, or deleted it. */
  | { readonly outcome: "overtaken" }
  /** The session was closed meanwhile. */
  | { readonly outcome: "abandoned" }
  | { readonly outcome: "failed"; readonly code: string };

export interface Tracer {
  /** The span lasts as long as `run`, and what `run` sends belongs to it. */
  restore(facts: RestoreFacts, run: () => Promise<RestoreEnd>): Promise<void>;
}

/** Undefined unless an OTEL_* variable is set: nobody else pays for loading the API at start. */
export async function openTracer(env: Readonly<Record<string, string | undefined>>): Promise<Tracer | undefined> {
  // A variable that is set to nothing counts as not set (OpenTelemetry specification, "Parsing empty value").
  const isWanted = Object.keys(env).some((name) => name.startsWith("OTEL_") && (env[name] ?? "") !== "");
  if (!isWanted) return undefined;
  // An SDK is heard only through an API that is no newer than its own, so package.json asks for the line that SDKs ask for.
  const { context, SpanKind, SpanStatusCode, trace } = await import("@opentelemetry/api");
  const tracer = trace.getTracer("holdfast");
  return {
    async restore(facts, run) {
      const span = tracer.startSpan("holdfast restore", {
        kind: SpanKind.INTERNAL,
        attributes: {
          "holdfast.connector": facts.connector,
          "holdfast.session.hash": facts.sessionHash,
          "holdfast.restore.signal": facts.signal,
          "holdfast.restore.generation": facts.generation,
        },
      });
      const end = await context.with(trace.setSpan(context.active(), span), run);
      span.setAttribute("holdfast.restore.outcome", end.outcome);
      if (end.outcome === "restored") span.setAttributes({ "mcp.protocol.version": end.protocolVersion });
      if (end.outcome === "failed") {
        span.setAttribute("error.type", end.code);
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}
