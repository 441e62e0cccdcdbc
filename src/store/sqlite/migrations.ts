// The versions of the database's layout, oldest first. A step that was ever released is never changed; a new one goes at the end.
import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "../store-error.ts";

/** Plain SQL: it must mean the same for ever. */
const steps: readonly string[] = [
  `
  create table secret (only integer primary key check (only = 1), bytes blob not null) strict;
  insert into secret (only, bytes) values (1, randomblob(32));
  create table session (
    connector text not null,
    key text not null,
    principal text not null,
    generation integer not null,
    snapshot text not null,
    last_seen_at_ms integer not null,
    primary key (connector, key)
  ) strict, without rowid;
  create index session_by_last_seen on session (connector, last_seen_at_ms);
  `,
  `
  create table eras (
    connector text not null primary key,
    facts text not null
  ) strict, without rowid;
  `,
  `
  create table connector (
    name text not null primary key,
    id text not null unique,
    generation integer not null unique,
    wanted text not null check (wanted in ('connected', 'disconnected')),
    sessions_key text not null unique,
    sealed blob not null,
    created_at_ms integer not null,
    changed_at_ms integer not null
  ) strict;
  create table connector_generation (only integer primary key check (only = 1), value integer not null) strict;
  insert into connector_generation (only, value) values (1, 0);
  create table api_token (
    id text not null primary key,
    user text not null,
    label text not null,
    role text not null check (role in ('user', 'admin')),
    hash text not null unique,
    created_at_ms integer not null,
    last_used_at_ms integer
  ) strict;
  `,
  `
  create table stream (
    id integer primary key,
    connector text not null,
    session text not null,
    token text not null,
    kind text not null,
    asked text not null,
    over integer not null default 0,
    dropped_seq integer not null default 0,
    at_ms integer not null,
    unique (connector, session, token),
    foreign key (connector, session) references session (connector, key) on delete cascade
  ) strict;
  create index stream_by_age on stream (at_ms);
  create table stream_event (
    stream integer not null references stream (id) on delete cascade,
    seq integer not null,
    generation integer not null,
    upstream_event_id text,
    id_bytes integer not null,
    bytes blob not null,
    primary key (stream, seq)
  ) strict;
  `,
  `
  create table credential (
    connector text not null primary key,
    version text not null,
    sealed blob not null,
    claimed_by text not null default '',
    claimed_until_ms integer not null default 0
  ) strict;
  `,
];

/** "Hold" in ASCII: tells our file from any other SQLite database. */
const applicationId = 0x486f6c64;

/** Several processes may do this at once: the steps run under the write lock, and whoever comes second finds them done. */
export function migrate(database: DatabaseSync, path: string): void {
  if (layout(database).version === steps.length && layout(database).applicationId === applicationId) return;
  database.exec("begin immediate");
  try {
    const { version, applicationId: found, empty } = layout(database);
    if (found !== applicationId && !empty) {
      const message = `${path} belongs to another program. Move the file away, or choose another --data-dir.`;
      throw new StoreError("not-a-database", message);
    }
    if (version > steps.length) {
      const message = `${path} was written by a newer Holdfast. Run that version, or choose another --data-dir.`;
      throw new StoreError("newer", message);
    }
    for (const step of steps.slice(version)) database.exec(step);
    database.exec(`pragma application_id = ${applicationId}; pragma user_version = ${steps.length}; commit`);
  } catch (error) {
    if (database.isTransaction) database.exec("rollback");
    throw error;
  }
}

function layout(database: DatabaseSync) {
  const number = (sql: string) => Number(Object.values(database.prepare(sql).get() ?? {})[0]);
  return {
    version: number("pragma user_version"),
    applicationId: number("pragma application_id"),
    empty: number("select count(*) from sqlite_schema") === 0,
  };
}
