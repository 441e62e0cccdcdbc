// Changes a connector. What is secret is not shown and stays as it is unless it is given anew.
import { useSignal } from "@preact/signals";
import type { ConnectorChange, ConnectorView } from "../../../api/schema.ts";
import { at, call, problemFrom } from "../api.ts";
import { readAddress } from "../command-line.ts";
import { Check, Field } from "../parts/field.tsx";
import { HeaderFields, type HeaderRow, headersOf } from "../parts/header-fields.tsx";
import { ProblemNotice } from "../parts/notice.tsx";
import { OptionFields, type OptionInput } from "../parts/option-fields.tsx";
import { useAction } from "../parts/use-action.ts";
import { takeAnswer } from "../state.ts";
import { placeOf } from "./place.ts";

export function EditTab({ connector }: { readonly connector: ConnectorView }) {
  if (connector.source === "file") {
    return <p class="notice">This connector is kept in a file. Change it there; the hub follows the file by itself.</p>;
  }
  return <EditForm connector={connector} />;
}

function EditForm({ connector }: { readonly connector: ConnectorView }) {
  // The change is meant for what stood here when the form was opened, not for what another tab made of it since.
  const meant = useSignal(connector);
  const address = useSignal("");
  const replacesHeaders = useSignal(false);
  const headers = useSignal<readonly HeaderRow[]>([]);
  const options = useSignal<OptionInput>(connector.options);
  const mistake = useSignal<string | undefined>(undefined);
  const saved = useSignal(false);
  const action = useAction();

  const submit = async () => {
    saved.value = false;
    const server = address.value.trim() === "" ? undefined : readAddress(address.value);
    mistake.value = typeof server === "string" ? server : undefined;
    if (typeof server === "string") return;
    const body = {
      ...(server && { server }),
      ...(replacesHeaders.value && { headers: headersOf(headers.value) }),
      options: options.value,
    } as ConnectorChange;
    const { generation } = meant.value;
    saved.value = await action.run(async () => {
      const changed = await call<ConnectorView>(at(connector.name), { method: "PATCH", body, generation });
      takeAnswer(changed);
      meant.value = changed;
      address.value = "";
      replacesHeaders.value = false;
    });
    if (!saved.value) mistake.value = problemFrom(action.error.peek()).of("server");
  };
  const isOutdated = connector.generation !== meant.value.generation;
  return (
    <form
      class="panel form"
      aria-label={`Edit ${connector.name}`}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {isOutdated && (
        <div class="notice" role="status">
          <p>This connector was changed elsewhere since this form was opened.</p>
          <button
            type="button"
            class="button is-small"
            onClick={() => {
              meant.value = connector;
              options.value = connector.options;
            }}
          >
            Take over what is there now
          </button>
        </div>
      )}
      <Field
        label="New URL or command"
        value={address.value}
        onValue={(value) => (address.value = value)}
        error={mistake.value}
        help={`Leave it empty to stay with ${placeOf(connector.server)}. A new address ends all sessions.`}
        input={{ class: "mono" }}
      />
      <p class="help">
        Headers sent now: {connector.headerNames.length === 0 ? "none" : connector.headerNames.join(", ")}.
      </p>
      <Check
        label="Replace the headers"
        checked={replacesHeaders.value}
        onValue={(checked) => (replacesHeaders.value = checked)}
      />
      {replacesHeaders.value && <HeaderFields rows={headers.value} onRows={(rows) => (headers.value = rows)} />}
      <OptionFields value={options.value} onValue={(value) => (options.value = value)} />
      <ProblemNotice error={action.error.value} />
      <div class="actions">
        <button type="submit" class="button is-main" aria-disabled={action.isBusy}>
          {action.isBusy ? "Saving…" : "Save"}
        </button>
        <span role="status">{saved.value ? "Saved." : ""}</span>
      </div>
    </form>
  );
}
