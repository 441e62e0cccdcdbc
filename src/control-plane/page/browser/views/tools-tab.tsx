// The server's tools, asked for on a session of the hub's own. Names and descriptions are the server's: text, whatever they hold.
import { useSignal } from "@preact/signals";
import type { ConnectorView, Tool, ToolList } from "../../../api/schema.ts";
import { at } from "../api.ts";
import { Ago } from "../parts/ago.tsx";
import { Empty, ProblemNotice, Waiting } from "../parts/notice.tsx";
import { useLoaded } from "../parts/use-loaded.ts";
import { countOf } from "../words.ts";

export function ToolsTab({ connector }: { readonly connector: ConnectorView }) {
  const loaded = useLoaded<ToolList>(at(connector.name, "/tools"));
  const search = useSignal("");
  const isBusy = useSignal(false);
  const text = search.value.trim().toLowerCase();
  const { value: list, error } = loaded;
  const tools = list?.tools.filter((tool) =>
    `${tool.name} ${tool.title ?? ""} ${tool.description ?? ""}`.toLowerCase().includes(text),
  );
  const again = async () => {
    isBusy.value = true;
    await loaded.reload();
    isBusy.value = false;
  };
  return (
    <section class="panel" aria-labelledby="tools">
      <div class="panel-head">
        <h2 id="tools">Tools {list !== undefined && <span class="count">{list.tools.length}</span>}</h2>
        <button
          type="button"
          class="button is-small"
          aria-disabled={isBusy.value}
          onClick={() => isBusy.value || void again()}
        >
          {isBusy.value ? "Asking…" : "Ask again"}
        </button>
      </div>
      {list !== undefined && (
        <p class="quiet">
          {list.serverName ?? "The server"} {list.serverVersion ?? ""}
          {list.protocolVersion !== undefined && ` · protocol ${list.protocolVersion}`} · asked <Ago time={list.at} />
        </p>
      )}
      <ProblemNotice error={error} />
      {list === undefined && error === undefined && <Waiting rows={5} what="tools" />}
      {list !== undefined && list.tools.length === 0 && <Empty title="This server has no tools" />}
      {list !== undefined && list.tools.length > 8 && (
        <input
          type="search"
          class="search"
          placeholder={`Filter ${countOf(list.tools.length, "tool")}`}
          aria-label="Filter tools"
          value={search.value}
          onInput={(event) => (search.value = event.currentTarget.value)}
        />
      )}
      {tools !== undefined && (
        <ul class="tools">
          {tools.map((tool) => (
            <ToolRow key={tool.name} tool={tool} />
          ))}
        </ul>
      )}
    </section>
  );
}

function ToolRow({ tool }: { readonly tool: Tool }) {
  return (
    <li class="tool">
      <p>
        <b class="mono">{tool.name}</b>
        {tool.title !== undefined && <span> {tool.title}</span>}
        {tool.readOnly === true && <span class="tag">says: read-only</span>}
        {tool.idempotent === true && <span class="tag">says: idempotent</span>}
        {tool.destructive === true && <span class="tag">says: destructive</span>}
      </p>
      {tool.description !== undefined && <p class="quiet">{tool.description}</p>}
    </li>
  );
}
