import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseMigrations, type FieldFacts, type Operation } from '../../src/core/migration-report.ts';
import { databasesOf, judgeMigrations, manageOf, verdict } from '../../src/core/migrations.ts';
import { breaks } from '../../src/core/operations.ts';

const column: FieldFacts = {
  kind: 'CharField',
  column: 'note',
  type: 'varchar(50)',
  check: null,
  null: true,
  unique: false,
  primary_key: false,
  indexed: false,
  collation: null,
  many_to_many: false,
  generated: false,
  references: null,
  default: false,
  db_default: null,
};
const add = (to: Partial<FieldFacts>, rows: number | null = 0): string | null =>
  breaks({ op: 'AddField', model: 'shop.Item', field: 'note', to: { ...column, ...to }, rows });
const alter = (from: Partial<FieldFacts>, to: Partial<FieldFacts>, rows: number | null = 0): string | null =>
  breaks({
    op: 'AlterField',
    model: 'shop.Item',
    field: 'note',
    from: { ...column, ...from },
    to: { ...column, ...to },
    rows,
  });

test('a new column is additive when the old code’s INSERT works without it', () => {
  assert.equal(add({}), null);
  assert.equal(add({ null: false, db_default: 'constant' }), null);
  assert.equal(add({ null: false, many_to_many: true, type: null }), null);
  assert.match(add({ null: false, default: true }) ?? '', /keeps its default out of the database/);
  assert.match(add({ null: false }) ?? '', /NOT NULL without a default/);
  assert.match(add({ null: false, db_default: 'expression' }) ?? '', /works out for each row/);
  assert.match(add({ null: false, unique: true, db_default: 'constant' }) ?? '', /second INSERT fails/);
  assert.match(add({ primary_key: true }) ?? '', /primary key/);
});

test('an index is additive on a table of up to 100,000 rows', () => {
  assert.equal(add({ indexed: true }, 100_000), null);
  assert.match(add({ indexed: true }, 100_001) ?? '', /over 100,000 rows/);
  assert.match(add({ unique: true }, null) ?? '', /can’t be told/);
  assert.equal(breaks({ op: 'AddIndex', model: 'shop.Item', rows: 100_000 }), null);
  assert.notEqual(breaks({ op: 'AddIndex', model: 'shop.Item', rows: 100_001 }), null);
  assert.notEqual(breaks({ op: 'AddIndex', model: 'shop.Item' }), null);
  assert.equal(breaks({ op: 'AddIndexConcurrently', model: 'shop.Item', rows: 100_001 }), null);
});

test('an altered column is additive when it takes all that the old one took', () => {
  assert.equal(alter({}, {}), null, 'only help text or choices');
  assert.equal(alter({ null: false }, {}), null);
  assert.equal(alter({}, { type: 'varchar(51)' }), null);
  assert.equal(alter({}, { type: 'text' }), null);
  assert.equal(alter({ type: 'numeric(8, 2)' }, { type: 'numeric(10, 2)' }), null);
  assert.equal(alter({ indexed: true }, {}), null);
  assert.equal(alter({ references: 'shop.Kind' }, {}), null);
  for (const [from, to] of [
    [{}, { null: false }],
    [{}, { type: 'varchar(49)' }],
    [{ type: 'text' }, { type: 'varchar(50)' }],
    [{ type: 'integer' }, { type: 'bigint' }],
    [{ type: 'numeric(8, 2)' }, { type: 'numeric(10, 3)' }],
    [{}, { unique: true }],
    [{ unique: true }, {}],
    [{}, { check: '"note" >= 0' }],
    [{}, { column: 'other' }],
    [{}, { collation: 'C' }],
    [{ references: 'shop.Kind' }, { references: 'shop.Sort' }],
    [{ db_default: 'constant', null: false }, { null: false }],
  ] as const satisfies [Partial<FieldFacts>, Partial<FieldFacts>][])
    assert.notEqual(alter(from, to), null, JSON.stringify([from, to]));
});

test('what removes, renames, constrains or can’t be told is not additive', () => {
  for (const op of [
    'RemoveField',
    'DeleteModel',
    'RenameField',
    'RenameModel',
    'AddConstraint',
    'RunSQL',
    'RunPython',
    'unknown',
    'NeverHeardOf',
  ])
    assert.notEqual(breaks({ op }), null, op);
  for (const op of ['CreateModel', 'AlterModelOptions', 'AlterModelManagers', 'RenameIndex', 'RemoveIndex', 'nothing'])
    assert.equal(breaks({ op }), null, op);
  assert.equal(breaks({ op: 'RunPython', noop: true }), null);
  assert.equal(breaks({ op: 'AlterUniqueTogether', added: 0, removed: 0 }), null);
  assert.equal(breaks({ op: 'RenameField', field: 'a', from: column, to: column }), null, 'the column keeps its name');
});

const report = (operations: Operation[], applied = 3, lock_timeout: string | null = '2s') => ({
  databases: [{ alias: 'default', vendor: 'postgresql', lock_timeout, applied }],
  migrations: [{ app: 'shop', name: '0007_change', database: 'default', atomic: true, operations }],
});
const additive = { allow: 'additive', named: [] } as const;

test('a migration is named by its number or its name, and no other by it', () => {
  const it = report([{ op: 'DeleteModel', model: 'shop.Item' }]);
  assert.equal(verdict(it, additive).refusals.length, 1);
  for (const named of ['shop.0007', 'shop.0007_change']) {
    const told = verdict(it, { allow: 'additive', named: [named] });
    assert.deepEqual([told.refusals, told.additive], [[], false]);
    assert.match(told.notes.join(), /allowed, though not additive: shop.0007_change: it removes/);
  }
  for (const named of ['shop.000', 'shop.0007_', 'shop', 'other.0007', 'shop.0008', 'shop.0007_chang', '']) {
    assert.equal(verdict(it, { allow: 'additive', named: [named] }).refusals.length, 1, named);
  }
  assert.deepEqual(verdict(it, { allow: 'any', named: [] }).refusals, []);
});

test('the release before misses nothing of tables that it does not know', () => {
  const fresh: Operation[] = [
    { op: 'CreateModel', model: 'shop.Kind' },
    { op: 'AddConstraint', model: 'shop.kind', name: 'x' },
    { op: 'RenameModel', model: 'shop.Kind', new: 'Sort' },
    { op: 'RemoveField', model: 'shop.sort', field: 'a' },
    { op: 'DeleteModel', model: 'shop.Sort' },
  ];
  assert.deepEqual(verdict(report(fresh), additive).refusals, []);
  assert.equal(verdict(report(fresh.slice(1)), additive).refusals.length, 4);
  assert.deepEqual(
    verdict(report([{ op: 'RunPython' }], 0), additive).refusals,
    [],
    'a database that has had no migration',
  );
});

test('a lock that would be waited for longer than 2 s is told', () => {
  assert.match(verdict(report([], 3, '0'), additive).notes.join(), /lock_timeout of 0 and not 2s/);
  assert.deepEqual(verdict({ ...report([], 3, '0'), migrations: [] }, additive).notes, []);
});

test('what is asked is what the command migrates', () => {
  assert.deepEqual(databasesOf('python manage.py migrate --noinput'), ['default']);
  assert.deepEqual(databasesOf('python manage.py migrate && python manage.py migrate --database=logs'), [
    'default',
    'logs',
  ]);
  assert.deepEqual(databasesOf('manage migrate --database "other" --noinput'), ['other']);
  assert.deepEqual(databasesOf('./deploy/migrate.sh'), []);
  assert.equal(manageOf('python manage.py migrate --noinput'), 'python manage.py');
  assert.equal(manageOf('cd src; DEBUG=1 django-admin migrate'), 'DEBUG=1 django-admin');
  assert.equal(manageOf('./deploy/migrate.sh'), 'python manage.py');
});

test('the last lines of an output that also holds what the settings printed are read', () => {
  const text = `a settings file\nmigrations are fun\ndatabases ${JSON.stringify(report([]).databases)}\nmigrations []\n`;
  assert.deepEqual(parseMigrations(text), { report: { databases: report([]).databases, migrations: [] } });
  assert.equal(judgeMigrations(text, additive).ok, true);
});

test('whatever a host prints is a problem in words, never a crash, and never allowed', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json().map((json) => `databases []\nmigrations ${json}\n`),
      ),
      (text) => {
        const judged = judgeMigrations(text, additive);
        assert.ok(!judged.ok || text.endsWith('migrations []\n'));
      },
    ),
  );
});
