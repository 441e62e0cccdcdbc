// One connector: its head with status and verbs, and the tab that the path names.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ConnectorView } from "../../../api/schema.ts";
import { at, call } from "../api.ts";
import { ConfirmDialog } from "../parts/dialog.tsx";
import { Empty, Waiting } from "../parts/notice.tsx";
import { Evidence, StatusWord } from "../parts/status.tsx";
import { useAction } from "../parts/use-action.ts";
import { go, pathTo, type Tab, tabs } from "../route.ts";
import { connectors, drop, watch } from "../state.ts";
import { capital, countOf } from "../words.ts";
import { WantedButton } from "./connector-list.tsx";
import { DoctorTab } from "./doctor-tab.tsx";
import { EditTab } from "./edit-tab.tsx";
import { Inspector } from "./inspector.tsx";
import { Overview } from "./overview.tsx";
import { placeOf, wireOf } from "./place.ts";
import { ToolsTab } from "./tools-tab.tsx";
import { UpgradeButton } from "./upgrade-button.tsx";

export function ConnectorPage({ name, tab }: { readonly name: string; readonly tab: Tab }) {
  const connector = connectors.value?.get(name)?.value;
  const id = connector?.id;
  // One that was removed and added again is another, and nothing of the first may stay on the page.
  useEffect(() => (id === undefined ? undefined : watch(name)), [name, id]);
  if (connectors.value === undefined) return <Waiting rows={6} what={name} />;
  if (connector === undefined) {
    return (
      <>
        <h1 class="mono">{name}</h1>
        <Empty title="There is no connector of this name">
          <p>It may have been removed, here or elsewhere.</p>
          <a class="button" href="/">
            All connectors
          </a>
        </Empty>
      </>
    );
  }
  return (
    <>
      <Head connector={connector} />
      <nav class="tabs" aria-label={`Views of ${name}`}>
        {tabs.map((one) => (
          <a key={one} href={pathTo(name, one)} {...(one === tab && { "aria-current": "page" as const })}>
            {capital(one)}
          </a>
        ))}
      </nav>
      <TabView key={`${connector.id} ${tab}`} connector={connector} tab={tab} />
    </>
  );
}

function TabView({ connector, tab }: { readonly connector: ConnectorView; readonly tab: Tab }) {
  switch (tab) {
    case "overview":
      return <Overview connector={connector} />;
    case "inspector":
      return <Inspector name={connector.name} />;
    case "tools":
      return <ToolsTab connector={connector} />;
    case "doctor":
      return <DoctorTab name={connector.name} />;
    case "edit":
      return <EditTab connector={connector} />;
  }
}

function Head({ connector }: { readonly connector: ConnectorView }) {
  const isAsking = useSignal(false);
  const wire = wireOf(connector.server);
  return (
    <header class="head">
      <p class="crumb">
        <a href="/">Connectors</a>
      </p>
      <div class="title-row">
        <h1 class="mono">{connector.name}</h1>
        <StatusWord status={connector.status} />
        <div class="actions is-end">
          {connector.server.kind === "stdio" && connector.wanted === "connected" && (
            <UpgradeButton connector={connector} />
          )}
          <WantedButton connector={connector} />
          {connector.source === "store" && (
            <button type="button" class="button is-danger-text" onClick={() => (isAsking.value = true)}>
              Remove
            </button>
          )}
        </div>
      </div>
      <p class="quiet">
        <span class="mono">{placeOf(connector.server)}</span>
        {wire !== "" && ` · ${wire}`}
        {connector.source === "file" && " · kept in the connectors' file, read-only here"}
        {" · "}
        <Evidence status={connector.status} />
      </p>
      {isAsking.value && <RemoveDialog connector={connector} onClose={() => (isAsking.value = false)} />}
    </header>
  );
}

function RemoveDialog({ connector, onClose }: { readonly connector: ConnectorView; readonly onClose: () => void }) {
  const action = useAction();
  const { name, sessions } = connector;
  const remove = async () => {
    const isDone = await action.run(() => call(at(name), { method: "DELETE" }));
    if (!isDone) return;
    drop(name);
    go("/");
  };
  return (
    <ConfirmDialog
      title={`Remove ${name}?`}
      verb="Remove"
      isBusy={action.isBusy}
      error={action.error.value}
      onConfirm={() => void remove()}
      onCancel={onClose}
    >
      <p>
        {sessions === 0 ? "It has no sessions." : `Its ${countOf(sessions, "session")} will be ended.`} Its address,
        headers, sessions and exchanges are deleted for good. A connector added under this name later starts from
        nothing.
      </p>
    </ConfirmDialog>
  );
}
