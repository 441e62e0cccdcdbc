// What was asked and answered in one exchange, and the switch that keeps it. A body is text, whatever stands in it.
import type { BodiesView, Exchange } from "../../../api/schema.ts";
import { at, call } from "../api.ts";
import { connectors } from "../state.ts";
import { size } from "../words.ts";
import { ProblemNotice } from "./notice.tsx";
import { useAction } from "./use-action.ts";
import { useLoaded } from "./use-loaded.ts";

export function BodiesSwitch({ name }: { readonly name: string }) {
  const action = useAction();
  // As the hub says it, so that every tab sees that somebody has switched it on.
  const isOn = connectors.value?.get(name)?.value.keepsBodies;
  const turn = () =>
    action.run(async () => {
      await call(at(name, "/inspector"), { method: "PATCH", body: { keepBodies: isOn !== true } });
    });
  return (
    <>
      <button
        type="button"
        class="button is-small"
        aria-pressed={isOn === true}
        aria-disabled={action.isBusy || isOn === undefined}
        title="Their beginnings, without what is known to be secret, in the hub's memory until it ends"
        onClick={() => void turn()}
      >
        {isOn === true ? "Bodies are kept" : "Keep bodies"}
      </button>
      <ProblemNotice error={action.error.value} />
    </>
  );
}

export function BodiesRow({ exchange, columns }: { readonly exchange: Exchange; readonly columns: number }) {
  const bodies = useLoaded<BodiesView>(at(exchange.connector, `/exchanges/${exchange.seq}/bodies`));
  return (
    <tr class="bodies">
      <td colSpan={columns}>
        <ProblemNotice error={bodies.error} />
        <Text title="Asked" body={bodies.value?.request} />
        <Text title="Answered" body={bodies.value?.answer} />
      </td>
    </tr>
  );
}

function Text({ title, body }: { readonly title: string; readonly body: BodiesView["request"] }) {
  if (body === undefined) return null;
  const { text, bytes, isCut } = body;
  return (
    <figure>
      <figcaption class="quiet">
        {title}: {size(bytes)}
        {isCut && ", its beginning"}
        {text === "" && ", which is no text"}
      </figcaption>
      {text !== "" && (
        <pre class="mono" tabIndex={0}>
          {text}
        </pre>
      )}
    </figure>
  );
}
