// Which view a path asks for, and going there without a new page. Knows no view.
import { computed, signal } from "@preact/signals";

export const tabs = ["overview", "inspector", "tools", "doctor", "edit"] as const;
export type Tab = (typeof tabs)[number];

export type Route =
  | { readonly view: "connectors" | "add" | "settings" | "login" | "nothing" }
  | { readonly view: "connector"; readonly name: string; readonly tab: Tab };

const path = signal(location.pathname);

export function readRoute(pathname: string): Route {
  if (pathname === "/") return { view: "connectors" };
  const [, first = "", name = "", tab = "overview"] = pathname.split("/");
  if (first === "connectors" && name !== "") {
    const known = tabs.find((one) => one === tab);
    return known === undefined ? { view: "nothing" } : { view: "connector", name: decode(name), tab: known };
  }
  if (name === "" && (first === "add" || first === "settings" || first === "login")) return { view: first };
  return { view: "nothing" };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = computed(() => readRoute(path.value));

export function pathTo(name: string, tab: Tab = "overview"): string {
  return `/connectors/${encodeURIComponent(name)}${tab === "overview" ? "" : `/${tab}`}`;
}

export function go(to: string, options: { readonly replace?: boolean } = {}): void {
  if (options.replace === true) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  path.value = location.pathname;
  scrollTo(0, 0);
}

/** Follows links of the page itself; whoever wants a new tab or a download gets it from the browser. */
export function startRouter(): void {
  addEventListener("popstate", () => (path.value = location.pathname));
  document.addEventListener("click", (event) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || link.target !== "" || link.origin !== location.origin || link.pathname.startsWith("/api/"))
      return;
    if (readRoute(link.pathname).view === "nothing") return;
    event.preventDefault();
    go(link.pathname);
  });
}
