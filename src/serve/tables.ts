import { Refusal } from '../core/failure.ts';
import type { Database } from './database.ts';

/** The service's own tables, in a schema of the application's: several applications may share a database. Times are milliseconds since the epoch. */

/** Goes up by one with each change of the tables. */
const VERSION = 2;

export const schemaOf = (app: string): string => `orchestrate_${app}`;

/** Held while the tables are made: services may begin at the same time. */
const LOCK = 7_260_412;

const made = (schema: string): string => `
select pg_advisory_xact_lock(${LOCK});
create schema if not exists ${schema};
create table if not exists ${schema}.meta (one boolean primary key default true check (one), version int not null, revision float8 not null default 0);
create table if not exists ${schema}.schedules (
  number serial primary key,
  id uuid not null unique,
  wish jsonb not null,
  zone text not null,
  by text not null,
  made float8 not null,
  state text not null
);
create table if not exists ${schema}.jobs (
  id uuid primary key,
  schedule int references ${schema}.schedules (number),
  "order" jsonb not null,
  command text not null,
  by text not null,
  made float8 not null,
  instant float8 not null,
  due float8 not null,
  not_after float8,
  needs_approval boolean not null default false,
  approved_by text,
  paused boolean not null default false,
  state text not null,
  commit text,
  exit int,
  words text,
  began float8,
  ended float8,
  number int,
  tries int not null default 0
);
-- Since version 2.
alter table ${schema}.jobs add column if not exists stop_by text;
create index if not exists jobs_live on ${schema}.jobs (state) where state in ('waiting', 'running', 'watching');
create index if not exists jobs_of_schedule on ${schema}.jobs (schedule, due);
create index if not exists jobs_made on ${schema}.jobs (made);
create table if not exists ${schema}.events (id bigserial primary key, job uuid not null, at float8 not null, event jsonb not null);
create index if not exists events_of_job on ${schema}.events (job, id);
create table if not exists ${schema}.tokens (name text primary key, token jsonb not null);
insert into ${schema}.meta (version) values (${VERSION}) on conflict do nothing;
update ${schema}.meta set version = ${VERSION} where version < ${VERSION};
`;

/** Makes the tables where they are not there. Rejects with `Refusal` (exit 2) where a newer orchestrate has made them. */
export async function makeTables({ query, script }: Database, app: string): Promise<void> {
  const schema = schemaOf(app);
  const [found] = await query<{ there: string | null }>('select to_regclass($1)::text as there', [`${schema}.meta`]);
  if (found?.there != null) {
    const [meta] = await query<{ version: number }>(`select version from ${schema}.meta`);
    if (meta !== undefined && meta.version > VERSION)
      throw new Refusal(
        2,
        `What is kept there was written by a newer orchestrate (version ${meta.version} of its tables; this one knows ${VERSION}).`,
        'Start the newer one, or give this one a folder or a database of its own.',
      );
  }
  await script(made(schema));
}
