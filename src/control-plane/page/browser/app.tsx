// The frame around every view: the bar with the way around and the state of the line to the hub, and the view of the path.
import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { isSignedIn } from "./api.ts";
import { line } from "./live.ts";
import { Mark } from "./parts/icons.tsx";
import { Empty } from "./parts/notice.tsx";
import { type Route, route } from "./route.ts";
import { connectors } from "./state.ts";
import { now } from "./time.ts";
import { AddConnector } from "./views/add-connector.tsx";
import { ConnectorPage } from "./views/connector.tsx";
import { ConnectorList } from "./views/connector-list.tsx";
import { Login } from "./views/login.tsx";
import { Settings } from "./views/settings.tsx";
import { capital, span } from "./words.ts";

export function App() {
  const isAsked = !isSignedIn.value || route.value.view === "login";
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Bar isBare={isAsked} />
      <main class={`page ${line.value.at === "broken" && !isAsked ? "is-stale" : ""}`} id="main" tabIndex={-1}>
        {isAsked ? <Login /> : <View route={route.value} />}
      </main>
      <Announcer />
    </>
  );
}

function Bar({ isBare }: { readonly isBare: boolean }) {
  const { view } = route.value;
  return (
    <header class="bar">
      <div class="bar-inner">
        <a class="brand" href="/">
          <Mark /> Holdfast
        </a>
        {!isBare && (
          <>
            <nav aria-label="Main">
              <a
                href="/"
                {...(["connectors", "connector", "add"].includes(view) && { "aria-current": "page" as const })}
              >
                Connectors
              </a>
              <a href="/settings" {...(view === "settings" && { "aria-current": "page" as const })}>
                Settings
              </a>
            </nav>
            <LineState />
          </>
        )}
      </div>
      {!isBare && line.value.at === "broken" && <BrokenLine sinceMs={line.value.sinceMs} />}
    </header>
  );
}

const lineWords = { opening: "Connecting…", live: "Live", broken: "Not live" } as const;

function LineState() {
  return (
    <span class={`line is-${line.value.at}`} role="status" data-line={line.value.at}>
      {lineWords[line.value.at]}
    </span>
  );
}

function BrokenLine({ sinceMs }: { readonly sinceMs: number }) {
  return (
    <p class="broken-line">
      The hub does not answer{now.value - sinceMs > 2_000 && `, for ${span(now.value - sinceMs)} now`}. What stands here
      was true before that; this page goes on by itself.
    </p>
  );
}

function View({ route }: { readonly route: Route }) {
  const main = useRef<string>(undefined);
  const title = titleOf(route);
  useEffect(() => {
    document.title = title === "" ? "Holdfast" : `${title} · Holdfast`;
    // A screen reader is told of the new view, or of its first field; the first view it reads by itself.
    const target =
      document.querySelector<HTMLElement>("#main [autofocus]") ?? document.querySelector<HTMLElement>("#main");
    if (main.current !== undefined) target?.focus({ preventScroll: true });
    main.current = title;
  }, [title]);
  switch (route.view) {
    case "connectors":
      return <ConnectorList />;
    case "connector":
      return <ConnectorPage key={route.name} name={route.name} tab={route.tab} />;
    case "add":
      return <AddConnector />;
    case "settings":
      return <Settings />;
    case "login":
    case "nothing":
      return (
        <>
          <h1>Nothing here</h1>
          <Empty title="This path leads nowhere">
            <a class="button" href="/">
              All connectors
            </a>
          </Empty>
        </>
      );
  }
}

function titleOf(route: Route): string {
  if (route.view === "connector") return route.tab === "overview" ? route.name : `${route.name}, ${route.tab}`;
  return route.view === "add" ? "Add connector" : capital(route.view);
}

/** Says a change of the shown connector's status to whoever cannot see it; the page itself says it silently. */
function Announcer() {
  const box = useRef<HTMLDivElement>(null);
  const last = useRef<string>(undefined);
  useSignalEffect(() => {
    const current = route.value;
    if (current.view !== "connector") {
      last.current = undefined;
      return;
    }
    const status = connectors.value?.get(current.name)?.value.status;
    const words = status === undefined ? undefined : `${current.name}: ${capital(status.kind)}`;
    if (words !== undefined && last.current !== undefined && words !== last.current && box.current !== null) {
      box.current.textContent = words;
    }
    last.current = words;
  });
  return <div class="unseen" aria-live="polite" ref={box} />;
}
