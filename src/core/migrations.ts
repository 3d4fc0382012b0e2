import { parseMigrations, type Migration, type MigrationReport, type Operation } from './migration-report.ts';
import { breaks } from './operations.ts';

/** Where no `migrate` is seen in the command, as in a script of the project's own, all databases are asked. */
const MIGRATE = /(?:^|\s)migrate(?=\s|$)/;

/**
 * The databases that a migrate command addresses: Django's own migrates `default` unless told otherwise, so what is pending in another
 * one is none of this roll's. Empty: can't be told, all of them.
 */
export function databasesOf(command: string): string[] {
  const calls = command.split(/&&|\|\||;|\n/).filter((part) => MIGRATE.test(part));
  return [...new Set(calls.map((call) => /\s--database[=\s]+["']?([\w.-]+)/.exec(call)?.[1] ?? 'default'))];
}

/** How Django is called, as shell text: what stands before `migrate` in the command. */
export function manageOf(command: string): string {
  const call = command.split(/&&|\|\||;|\n/).find((part) => MIGRATE.test(part));
  const before = call?.split(MIGRATE)[0]?.trim();
  return before === undefined || before === '' ? 'python manage.py' : before;
}

export interface MigrationWish {
  readonly allow: 'additive' | 'any';
  /** Migrations that a person answers for: `catalog.0007` or `catalog.0007_rename_price`. */
  readonly named: readonly string[];
}

export interface MigrationVerdict {
  /** `app.name`, in order. */
  readonly pending: readonly string[];
  /** Whether the release before could serve on once all have been applied. */
  readonly additive: boolean;
  /** Why migrations are refused, a sentence each; empty: they may be applied. */
  readonly refusals: readonly string[];
  /** What a person should know before they are applied. */
  readonly notes: readonly string[];
}

/** Judges what is pending against what the inventory and the person at the keyboard allow. */
export function verdict(report: MigrationReport, wish: MigrationWish): MigrationVerdict {
  const refusals: string[] = [];
  const notes: string[] = [];
  let additive = true;
  const unknown = new Unknown(report);
  for (const migration of report.migrations) {
    const name = `${migration.app}.${migration.name}`;
    const where = report.databases.length > 1 ? ` (database ${migration.database})` : '';
    const reasons = migration.operations.map((operation) =>
      unknown.to(migration, operation) ? null : breaks(operation),
    );
    for (const reason of new Set(reasons.filter((each) => each !== null))) {
      const sentence = `${name}${where}: ${reason}`;
      additive = false;
      if (wish.allow === 'any' || isNamed(migration, wish.named))
        notes.push(`allowed, though not additive: ${sentence}`);
      else refusals.push(sentence);
    }
  }
  for (const named of wish.named) {
    if (!report.migrations.some((migration) => isNamed(migration, [named])))
      notes.push(`--allow-migration ${named}: no such migration is pending`);
  }
  if (report.migrations.length > 0) {
    for (const { alias, vendor, lock_timeout: limit } of report.databases) {
      if (vendor === 'postgresql' && limit !== '2s') {
        notes.push(
          `database ${alias} has a lock_timeout of ${limit} and not 2s: a migration that waits for a lock makes all behind it wait as long`,
        );
      }
    }
  }
  return { pending: report.migrations.map(({ app, name }) => `${app}.${name}`), additive, refusals, notes };
}

/** What the release before cannot know, and so cannot miss: a database that has had no migration, and tables that the pending ones make. */
class Unknown {
  readonly #empty: ReadonlySet<string>;
  readonly #made = new Set<string>();
  constructor(report: MigrationReport) {
    this.#empty = new Set(report.databases.filter(({ applied }) => applied === 0).map(({ alias }) => alias));
  }

  to({ app, database }: Migration, { op, model, new: renamed }: Operation): boolean {
    if (this.#empty.has(database)) return true;
    if (model === undefined) return false;
    const table = `${database} ${model}`.toLowerCase();
    if (op === 'CreateModel') this.#made.add(table);
    const own = this.#made.has(table);
    if (own && op === 'RenameModel') this.#made.add(`${database} ${app}.${renamed}`.toLowerCase());
    if (own && op === 'DeleteModel') this.#made.delete(table);
    return own;
  }
}

/** `catalog.0007` names `0007_rename_price`, and neither `0007b_…` nor another app's. */
function isNamed(migration: Migration, named: readonly string[]): boolean {
  const name = `${migration.app}.${migration.name}`;
  return named.some((each) => each === name || (/\.\d+$/.test(each) && name.startsWith(`${each}_`)));
}

/** `migrations pending`, `migrations not additive`: what later steps and a way back depend on. */
export type Judged =
  | { readonly ok: true; readonly values: Readonly<Record<string, boolean>>; readonly note: string }
  | { readonly ok: false; readonly what: string; readonly output: readonly string[]; readonly next: string };

/** Judges the output of src/remote/migrations.sh. */
export function judgeMigrations(stdout: string, wish: MigrationWish): Judged {
  const read = parseMigrations(stdout);
  if ('problem' in read)
    return {
      ok: false,
      what: read.problem,
      output: [],
      next: 'Run `manage.py showmigrations` on the builder, in the release.',
    };
  const { pending, additive, refusals, notes } = verdict(read.report, wish);
  if (refusals.length > 0) {
    const names = [...new Set(refusals.map((each) => /^(\S+?\.\d*)/.exec(each)?.[1] ?? each))];
    return {
      ok: false,
      what: 'was refused: not every pending migration leaves the release that serves now working',
      output: [...refusals],
      next:
        'Split it: first what only adds, in this release; what removes, in a later one, when no code uses it any more. If you know that the release before can live with it: ' +
        names.map((name) => `--allow-migration ${name}`).join(' '),
    };
  }
  const said =
    pending.length === 0
      ? 'no migration is pending'
      : `${pending.length === 1 ? '1 migration is' : `${pending.length} migrations are`} pending: ${pending.join(', ')}`;
  return {
    ok: true,
    values: { 'migrations pending': pending.length > 0, 'migrations not additive': !additive },
    note: [said, ...notes].join('; '),
  };
}
