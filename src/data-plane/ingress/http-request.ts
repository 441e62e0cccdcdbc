// What the ingress reads of a client's request, whichever way it was taken in. Node's IncomingMessage is one of them.
import type { IncomingHttpHeaders } from "node:http";

export interface HttpRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Names and values as they came, flat. */
  readonly rawHeaders: readonly string[];
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** Without its query. */
export function pathOf({ url = "/" }: Pick<HttpRequest, "url">): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}
