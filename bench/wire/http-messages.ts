// Cuts the bytes of one HTTP/1.1 connection into messages, for both ends of the bench. Not for a public port: it trusts its peer.

export interface MessageSink {
  /** The start line and the headers, without the empty line. */
  head(head: string): void;
  data(chunk: Buffer): void;
  end(): void;
}

export interface MessageReader {
  read(chunk: Buffer): void;
  /** The peer closed the connection, which is what ends a body without a length. */
  close(): void;
}

type Expecting = "head" | "length" | "chunk-size" | "chunk" | "chunk-end" | "trailer" | "close";

const emptyLine = "\r\n\r\n";

/** The value of a header; `name` in lower case with its colon, as in `content-length:`. */
export function headerOf(head: string, lowerCaseHead: string, name: string): string | undefined {
  const at = lowerCaseHead.indexOf(`\r\n${name}`);
  if (at === -1) return undefined;
  const start = at + 2 + name.length;
  const end = head.indexOf("\r\n", start);
  return head.slice(start, end === -1 ? undefined : end).trim();
}

function bodyOf(head: string, isResponse: boolean): { readonly expecting: Expecting; readonly length: number } {
  const lower = head.toLowerCase();
  const length = headerOf(head, lower, "content-length:");
  if (length !== undefined) return { expecting: "length", length: Number(length) };
  if (headerOf(head, lower, "transfer-encoding:")?.toLowerCase().includes("chunked") === true) {
    return { expecting: "chunk-size", length: 0 };
  }
  const hasBody = isResponse && !/^\S+ (1\d\d|204|304)/.test(head);
  return hasBody ? { expecting: "close", length: 0 } : { expecting: "length", length: 0 };
}

export function readMessages(peer: "client" | "server", sink: MessageSink): MessageReader {
  let expecting: Expecting = "head";
  let remaining = 0;
  let kept: Buffer | undefined;

  const finish = () => {
    expecting = "head";
    sink.end();
  };

  /** Reads one piece at `at` and returns where the next starts, or -1 when more bytes are needed. */
  const step = (bytes: Buffer, at: number): number => {
    switch (expecting) {
      case "head": {
        const end = bytes.indexOf(emptyLine, at);
        if (end === -1) return -1;
        const head = bytes.toString("latin1", at, end);
        ({ expecting, length: remaining } = bodyOf(head, peer === "server"));
        sink.head(head);
        if (expecting === "length" && remaining === 0) finish();
        return end + emptyLine.length;
      }
      case "length":
      case "chunk": {
        const end = Math.min(bytes.length, at + remaining);
        remaining -= end - at;
        sink.data(bytes.subarray(at, end));
        if (remaining > 0) return end;
        if (expecting === "chunk") expecting = "chunk-end";
        else finish();
        return end;
      }
      case "chunk-size": {
        const end = bytes.indexOf("\r\n", at);
        if (end === -1) return -1;
        remaining = Number.parseInt(bytes.toString("latin1", at, end), 16);
        expecting = remaining === 0 ? "trailer" : "chunk";
        return end + 2;
      }
      case "chunk-end":
        if (bytes.length < at + 2) return -1;
        expecting = "chunk-size";
        return at + 2;
      case "trailer": {
        const end = bytes.indexOf("\r\n", at);
        if (end === -1) return -1;
        if (end === at) finish();
        return end + 2;
      }
      case "close":
        sink.data(bytes.subarray(at));
        return bytes.length;
      default:
        throw new Error(`not a state: ${String(expecting satisfies never)}`);
    }
  };

  return {
    read: (chunk) => {
      const bytes = kept === undefined ? chunk : Buffer.concat([kept, chunk]);
      kept = undefined;
      let at = 0;
      while (at < bytes.length) {
        const next = step(bytes, at);
        if (next === -1) {
          kept = bytes.subarray(at);
          return;
        }
        at = next;
      }
    },
    close: () => {
      if (expecting === "close") finish();
    },
  };
}
