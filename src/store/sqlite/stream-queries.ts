// The only file that speaks SQL about streams. Each change is one statement; a batch of them is one transaction.
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { StoredStream, StreamChange, StreamName } from "../stream-port.ts";

/** A stream without its session is not kept: the session may have been ended a moment ago. */
const open = `
  insert or ignore into stream (connector, session, token, kind, asked, at_ms)
  select :connector, :session, :token, :streamKind, :asked, :nowMs
  where exists (select 1 from session where connector = :connector and key = :session)`;

const the = "connector = :connector and session = :session and token = :token";

const event = `
  insert or ignore into stream_event (stream, seq, generation, upstream_event_id, id_bytes, bytes)
  select id, :seq, :generation, :upstreamEventId, :idBytes, :bytes from stream where ${the}`;

const written = `update stream set at_ms = :nowMs where ${the}`;
const over = `update stream set over = 1, at_ms = :nowMs where ${the}`;
const dropped = `update stream set dropped_seq = max(dropped_seq, :throughSeq) where ${the}`;
const deleteDropped = `
  delete from stream_event where stream = (select id from stream where ${the}) and seq <= :throughSeq`;
const forget = `delete from stream where ${the}`;
const find = `select * from stream where ${the}`;
const events = "select * from stream_event where stream = :stream order by seq";
const touch = `
  update stream set at_ms = :nowMs where exists (
    select 1 from json_each(:names) as name
    where name.value ->> 0 = connector and name.value ->> 1 = session and name.value ->> 2 = token)`;
const deleteBefore = "delete from stream where at_ms < :beforeMs";

export class StreamQueries {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** How many rows went, so that their bytes can be taken out of the log too. */
  write(changes: readonly StreamChange[], nowMs: number): number {
    let deleted = 0;
    this.#database.exec("begin immediate");
    try {
      for (const change of changes) deleted += this.#apply(change, nowMs);
      this.#database.exec("commit");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("rollback");
      throw error;
    }
    return deleted;
  }

  find({ connector, session, token }: StreamName): StoredStream | undefined {
    const row = this.#prepared(find).get({ connector, session, token });
    if (row === undefined) return undefined;
    return {
      streamKind: String(row["kind"]),
      asked: String(row["asked"]),
      over: row["over"] === 1,
      droppedSeq: Number(row["dropped_seq"]),
      events: this.#prepared(events)
        .all({ stream: row["id"] as number })
        .map(toEvent),
    };
  }

  touch(names: readonly StreamName[], nowMs: number): void {
    const list = names.map(({ connector, session, token }) => [connector, session, token]);
    this.#prepared(touch).run({ names: JSON.stringify(list), nowMs });
  }

  deleteBefore(beforeMs: number): number {
    return Number(this.#prepared(deleteBefore).run({ beforeMs }).changes);
  }

  #apply(change: StreamChange, nowMs: number): number {
    const { connector, session, token } = change;
    const name = { connector, session, token };
    switch (change.kind) {
      case "open": {
        const { streamKind, asked } = change;
        this.#prepared(open).run({ ...name, streamKind, asked, nowMs });
        return 0;
      }
      case "event": {
        const { seq, generation, upstreamEventId = null, idBytes, bytes } = change;
        this.#prepared(event).run({ ...name, seq, generation, upstreamEventId, idBytes, bytes });
        this.#prepared(written).run({ ...name, nowMs });
        return 0;
      }
      case "over":
        this.#prepared(over).run({ ...name, nowMs });
        return 0;
      case "dropped": {
        const { throughSeq } = change;
        this.#prepared(dropped).run({ ...name, throughSeq });
        return Number(this.#prepared(deleteDropped).run({ ...name, throughSeq }).changes);
      }
      case "forget":
        return Number(this.#prepared(forget).run(name).changes);
    }
  }

  #prepared(sql: string) {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function toEvent(row: Record<string, SQLOutputValue>) {
  const upstreamEventId = row["upstream_event_id"];
  return {
    seq: Number(row["seq"]),
    generation: Number(row["generation"]),
    upstreamEventId: typeof upstreamEventId === "string" ? upstreamEventId : undefined,
    idBytes: Number(row["id_bytes"]),
    bytes: row["bytes"] as Uint8Array,
  };
}
