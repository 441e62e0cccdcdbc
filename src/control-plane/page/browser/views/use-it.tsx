// What to paste so that a client uses a connector. The lines are those that `holdfast export --for` prints.
import { signal } from "@preact/signals";
import type { ConnectorView, Settings } from "../../../api/schema.ts";
import { CopyLine } from "../parts/copy-button.tsx";
import { useLoaded } from "../parts/use-loaded.ts";
import { type ClientName, clientNames, pasteFor } from "../paste.ts";

const chosen = signal<ClientName>("claude-code");

export function UseIt({ connector }: { readonly connector: ConnectorView }) {
  const settings = useLoaded<Settings>("/settings").value;
  const needsToken = settings?.clientsNeedToken === true;
  const { before, text, link } = pasteFor(chosen.value, connector, needsToken);
  return (
    <section class="panel" aria-labelledby="use">
      <h2 id="use">Use it</h2>
      <CopyLine what="URL for clients" text={connector.endpoints.mcp} />
      <div class="chips" role="group" aria-label="Client">
        {Object.entries(clientNames).map(([id, name]) => (
          <button
            key={id}
            type="button"
            class="chip"
            aria-pressed={id === chosen.value}
            onClick={() => (chosen.value = id as ClientName)}
          >
            {name}
          </button>
        ))}
      </div>
      <p class="help">{before}</p>
      <CopyLine what={`what to paste for ${clientNames[chosen.value]}`} text={text} />
      {link !== undefined && (
        <p class="help">
          Or <a href={link}>open {clientNames[chosen.value]} and add it there</a>.
        </p>
      )}
      {needsToken && (
        <p class="help">
          Clients of this hub need a token. Make one under <a href="/settings">Settings</a>.
        </p>
      )}
    </section>
  );
}
