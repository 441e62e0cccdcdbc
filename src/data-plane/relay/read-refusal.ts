// Reads an answer that is no stream, as far as classification needs it. Reads at most 64 KiB and leaves the connection free.
import { mediaType } from "../../protocol/index.ts";
import type { ReplyFacts } from "../recovery/index.ts";
import type { Reply, ReplyBody } from "../transport/index.ts";

const headBytes = 64 * 1024;

/** The head of a body; `ended` tells whether that was all. A body cut here counts as ended: what came is what there is. */
export function readHead(body: ReplyBody): Promise<{ readonly held: Buffer[]; readonly ended: boolean }> {
  const held: Buffer[] = [];
  let size = 0;
  return new Promise((resolve) => {
    body.pipe({
      data: (chunk) => {
        held.push(chunk);
        size += chunk.length;
        if (size < headBytes) return true;
        resolve({ held, ended: false });
        return false;
      },
      end: () => resolve({ held, ended: true }),
      cut: () => resolve({ held, ended: true }),
    });
  });
}

export async function readRefusal(reply: Extract<Reply, { kind: "reply" }>): Promise<ReplyFacts> {
  const { held, ended } = await readHead(reply.body);
  if (!ended) reply.body.abort();
  return {
    status: reply.status,
    contentType: mediaType(reply.headers["content-type"]),
    challenged: reply.headers["www-authenticate"] !== undefined,
    body: Buffer.concat(held).toString(),
  };
}
