// One form for a new connector: its name, and its server's URL or command. The rest is under "More" and may stay closed.
import { useSignal } from "@preact/signals";
import type { ConnectorView, NewConnectorInput, Settings } from "../../../api/schema.ts";
import { type ApiProblem, call, problemFrom } from "../api.ts";
import { readAddress, shellLine, suggestName } from "../command-line.ts";
import { CopyLine } from "../parts/copy-button.tsx";
import { Field } from "../parts/field.tsx";
import { HeaderFields, type HeaderRow, headersOf } from "../parts/header-fields.tsx";
import { ProblemNotice } from "../parts/notice.tsx";
import { OptionFields, type OptionInput } from "../parts/option-fields.tsx";
import { useAction } from "../parts/use-action.ts";
import { useLoaded } from "../parts/use-loaded.ts";
import { go, pathTo } from "../route.ts";
import { takeAnswer } from "../state.ts";

/** What can be seen to be wrong before the hub is asked; the hub has the last word. */
interface Mistakes {
  readonly address?: string;
  readonly name?: string;
}

function mistakesOf(problem: ApiProblem | undefined): Mistakes {
  const address = problem?.of("server");
  const name = problem?.of("name");
  return { ...(address !== undefined && { address }), ...(name !== undefined && { name }) };
}

export function AddConnector() {
  const address = useSignal("");
  const name = useSignal<string | undefined>(undefined);
  const headers = useSignal<readonly HeaderRow[]>([]);
  const options = useSignal<OptionInput>({});
  const mistakes = useSignal<Mistakes>({});
  const action = useAction();
  const settings = useLoaded<Settings>("/settings").value;
  const shownName = name.value ?? suggestName(address.value);

  const submit = async () => {
    const server = readAddress(address.value);
    mistakes.value = {
      ...(typeof server === "string" && { address: server }),
      ...(shownName === "" && { name: "Give it a name: it stands in the URL that clients use." }),
    };
    if (typeof server === "string" || shownName === "") return focusFirstMistake();
    const body: NewConnectorInput = {
      name: shownName,
      server,
      headers: headersOf(headers.value),
      options: options.value,
    };
    const isDone = await action.run(async () => {
      takeAnswer(await call<ConnectorView>("/connectors", { method: "POST", body }));
      go(pathTo(shownName));
    });
    if (isDone) return;
    mistakes.value = mistakesOf(problemFrom(action.error.peek()));
    focusFirstMistake();
  };

  const server = readAddress(address.value);
  const isRefusedCommand =
    typeof server === "object" && server.kind === "stdio" && settings?.allowStdioOverApi === false;
  return (
    <>
      <h1>Add connector</h1>
      <form
        class="panel form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Field
          label="URL or command"
          value={address.value}
          onValue={(value) => (address.value = value)}
          error={mistakes.value.address}
          help="Where the MCP server is, or what starts it. It is stored encrypted and not shown again."
          input={{ class: "mono", placeholder: "https://example.com/mcp", autofocus: true, "aria-required": true }}
        />
        <Field
          label="Name"
          value={shownName}
          onValue={(value) => (name.value = value)}
          error={mistakes.value.name}
          help={
            <>
              Clients will find it at <code class="mono">/c/{shownName === "" ? "NAME" : shownName}/mcp</code>
            </>
          }
          input={{ class: "mono", "aria-required": true }}
        />
        <details class="more">
          <summary>More</summary>
          <HeaderFields rows={headers.value} onRows={(rows) => (headers.value = rows)} />
          <OptionFields value={options.value} onValue={(value) => (options.value = value)} />
        </details>
        <ProblemNotice error={action.error.value} />
        {typeof server === "object" && (isRefusedCommand || isForShell(action.error.value)) && (
          <ShellNote line={shellLine(shownName, server)} />
        )}
        <div class="actions">
          <button type="submit" class="button is-main" aria-disabled={action.isBusy || isRefusedCommand}>
            {action.isBusy ? "Adding…" : "Add connector"}
          </button>
          <a class="button" href="/">
            Cancel
          </a>
        </div>
      </form>
    </>
  );
}

/** What the hub refuses from a page, and takes from whoever can type on its machine. */
function isForShell(error: unknown): boolean {
  return error !== undefined && ["ADDRESS_REFUSED", "STDIO_OVER_API"].includes(problemFrom(error).problem.code);
}

/** Commands, and servers near the hub, can be added from a page only where the hub was started to allow it. */
function ShellNote({ line }: { readonly line: string }) {
  return (
    <div class="notice">
      <p>
        This hub takes commands and addresses of its own network from its own shell only. Paste this there; the
        connector appears here at once.
      </p>
      <CopyLine what="command for the shell" text={line} />
    </div>
  );
}

/** After the mistakes are drawn. */
function focusFirstMistake(): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
}
