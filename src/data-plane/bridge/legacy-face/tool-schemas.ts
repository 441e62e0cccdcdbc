// What a session's bridge must know of the server's tools: which arguments go into headers, and whose results a legacy client needs wrapped.
import { memberText } from "../../../protocol/index.ts";
import { stringOf } from "../translate/client-facts.ts";
import { type ParamHeader, paramHeadersOf } from "../translate/modern-headers.ts";
import { needsWrapping, toolsOf } from "../translate/results.ts";

export interface ToolSchema {
  readonly params: readonly ParamHeader[];
  readonly wrapped: boolean;
}

const mostPages = 100;

export class ToolSchemas {
  readonly #tools = new Map<string, ToolSchema>();
  #complete: Promise<void> | undefined;

  get(name: string | undefined): ToolSchema | undefined {
    return name === undefined ? undefined : this.#tools.get(name);
  }

  /** Takes note of a page of `tools/list` as the server gave it. */
  note(result: string): void {
    for (const tool of toolsOf(result)) {
      const name = stringOf(memberText(tool, "name"));
      if (name === undefined) continue;
      const params = paramHeadersOf(memberText(tool, "inputSchema") ?? "{}");
      this.#tools.set(name, { params, wrapped: needsWrapping(tool) });
    }
  }

  /** The server's tools have changed: what is known may be wrong. */
  changed(): void {
    this.#complete = undefined;
  }

  /** Reads the whole list unless that was done since the last change. `readPage` gives a page's result, or undefined if it was not to be had. */
  complete(readPage: (params: string) => Promise<string | undefined>): Promise<void> {
    this.#complete ??= this.#read(readPage);
    return this.#complete;
  }

  async #read(readPage: (params: string) => Promise<string | undefined>): Promise<void> {
    let params = "{}";
    for (let page = 0; page < mostPages; page += 1) {
      const result = await readPage(params);
      if (result === undefined) {
        this.#complete = undefined;
        return;
      }
      this.note(result);
      const cursor = memberText(result, "nextCursor");
      if (cursor === undefined || cursor === "null") return;
      params = `{"cursor":${cursor}}`;
    }
  }
}
