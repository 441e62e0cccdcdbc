// `holdfast tools NAME`: what the server offers now, asked on a session that is thrown away.
import { openHub } from "../hub/open-hub.ts";
import { table } from "../hub/terminal.ts";
import type { CommonFlags, VerbContext } from "./verb.ts";

const widest = 100;

export async function tools(name: string, flags: CommonFlags, { terminal, show, parts }: VerbContext): Promise<void> {
  await using hub = await openHub(flags, terminal, parts, "hub");
  const list = await hub.tools(name);
  show(list, () =>
    table(
      list.tools.map((tool) => [tool.name, oneLine(tool.description ?? tool.title ?? "")]),
      (text, _row, column) => (column === 0 ? text : terminal.paint("dim", text)),
    ),
  );
}

/** What servers write is text: no control character of theirs reaches the terminal. */
function oneLine(text: string): string {
  const [first = ""] = text.split("\n");
  // oxlint-disable-next-line no-control-regex -- finding control characters is the purpose
  const safe = first.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "");
  return safe.length > widest ? `${safe.slice(0, widest - 3)}...` : safe;
}
