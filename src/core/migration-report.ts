import { z } from 'zod';
import { parseJson } from './json.ts';
import { clean } from './printable.ts';

/** What the database knows of a field, before or behind an operation. */
const field = z.object({
  kind: z.string(),
  column: z.string().nullable(),
  /** The column's type in the database's own words, as `varchar(50)`; null where there is no column. */
  type: z.string().nullable(),
  check: z.string().nullable(),
  null: z.boolean(),
  unique: z.boolean(),
  primary_key: z.boolean(),
  indexed: z.boolean(),
  collation: z.string().nullable(),
  many_to_many: z.boolean(),
  /** The database computes it (Django 5). */
  generated: z.boolean(),
  /** The model that a foreign key constraint points to. */
  references: z.string().nullable(),
  /** A default in Python: the database does not know it. */
  default: z.boolean(),
  /** A default in the database (Django 5). */
  db_default: z.enum(['constant', 'expression']).nullable(),
});
export type FieldFacts = z.infer<typeof field>;

const operation = z.object({
  /** The class of Django's operation; `nothing`: it does not reach this database; `unknown`: not one of Django's, or not understood. */
  op: z.string(),
  class: z.string().optional(),
  problem: z.string().optional(),
  /** `app.Model` */
  model: z.string().optional(),
  field: z.string().optional(),
  new: z.string().optional(),
  name: z.string().nullish(),
  constraint: z.string().optional(),
  from: field.optional(),
  to: field.optional(),
  from_table: z.string().optional(),
  to_table: z.string().optional(),
  added: z.number().optional(),
  removed: z.number().optional(),
  changed: z.boolean().optional(),
  noop: z.boolean().optional(),
  /** Rows of its table, counted up to 100,001; null: not known. */
  rows: z.number().nullish(),
});
export type Operation = z.infer<typeof operation>;

const migration = z.object({
  app: z.string(),
  name: z.string(),
  database: z.string(),
  atomic: z.boolean(),
  operations: z.array(operation),
});
export type Migration = z.infer<typeof migration>;

const database = z.object({
  alias: z.string(),
  vendor: z.string(),
  lock_timeout: z.string().nullable(),
  /** Migrations that it has had. */ applied: z.number(),
});

export interface MigrationReport {
  readonly databases: readonly z.infer<typeof database>[];
  /** What is pending, in the order in which it would be applied. */
  readonly migrations: readonly Migration[];
}

/** Reads what src/remote/migrations.sh printed, or says what is wrong with it. */
export function parseMigrations(stdout: string): { readonly report: MigrationReport } | { readonly problem: string } {
  try {
    return {
      report: {
        databases: z.array(database).parse(json('databases', stdout)),
        migrations: z.array(migration).parse(json('migrations', stdout)),
      },
    };
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
    const why =
      issue === undefined
        ? String(error instanceof Error ? error.message : error)
        : `${issue.path.join('.')}: ${issue.message}`;
    return { problem: `what Django said of its migrations can't be read: ${clean(why).slice(0, 300)}` };
  }
}

function json(key: string, stdout: string): unknown {
  const line = stdout.split('\n').findLast((each) => each.startsWith(`${key} `));
  if (line === undefined) throw new Error(`there is no line “${key}”`);
  return parseJson(line.slice(key.length + 1));
}
