// A connector's status: the API's word with a shape, and the evidence for it. Says nothing that the API did not say.
import type { ConnectorStatus } from "../../../api/schema.ts";
import { capital } from "../words.ts";
import { Ago } from "./ago.tsx";
import { StatusIcon } from "./icons.tsx";

export function StatusWord({ status }: { readonly status: ConnectorStatus }) {
  return (
    <span class={`status is-${status.kind}`} data-status={status.kind}>
      <StatusIcon kind={status.kind} />
      {capital(status.kind)}
    </span>
  );
}

/** One line: since when, and the last good exchange. */
export function Evidence({ status }: { readonly status: ConnectorStatus }) {
  return (
    <span class="evidence">
      {status.lastGoodAt === undefined ? (
        "no exchange has succeeded yet"
      ) : (
        <>
          last good exchange <Ago time={status.lastGoodAt} />
        </>
      )}
      {status.nextTryAt !== undefined && (
        <>
          {" · next try "}
          <Ago time={status.nextTryAt} to="future" />
        </>
      )}
    </span>
  );
}
