// The theme that somebody chose, in a cookie, so that the hub writes it into the document and no script decides it at the next start.
import { signal } from "@preact/signals";

export const themes = [
  ["system", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
] as const;

type Theme = (typeof themes)[number][0];

const isTheme = (word: string | undefined): word is Theme => themes.some(([theme]) => theme === word);

const written = document.documentElement.dataset["theme"];
export const theme = signal<Theme>(isTheme(written) ? written : "system");

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  const { dataset } = document.documentElement;
  if (chosen === "system") delete dataset["theme"];
  else dataset["theme"] = chosen;
  const age = chosen === "system" ? 0 : 31_536_000;
  document.cookie = `holdfast-theme=${chosen}; Path=/; Max-Age=${age}; SameSite=Strict`;
}
