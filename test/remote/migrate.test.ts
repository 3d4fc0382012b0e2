import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { parseMigrations } from '../../src/core/migration-report.ts';
import { judgeMigrations } from '../../src/core/migrations.ts';
import { KEY, RELEASE, SITE, Workshop } from './workshop.ts';

const SECOND = `from django.db import migrations, models
def work(apps, schema_editor): pass
class Migration(migrations.Migration):
    dependencies = [('catalog', '0001_initial')]
    operations = [
        migrations.CreateModel('Kind', [('id', models.BigAutoField(primary_key=True)), ('name', models.CharField(max_length=50))]),
        migrations.AddField('item', 'note', models.TextField(null=True)),
        migrations.AddField('item', 'kind', models.ForeignKey('catalog.Kind', models.SET_NULL, null=True)),
        migrations.AddField('item', 'kinds', models.ManyToManyField('catalog.Kind', related_name='+')),
        migrations.AddField('item', 'count', models.IntegerField(default=0)),
        migrations.AlterField('item', 'name', models.CharField(max_length=80, help_text='wider')),
        migrations.AddIndex('item', models.Index(fields=['name'], name='item_name')),
        migrations.RenameField('item', 'note', 'remark'),
        migrations.AddConstraint('kind', models.UniqueConstraint(fields=['name'], name='kind_name')),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL('SELECT 1')],
        ),
        migrations.RunPython(work, migrations.RunPython.noop),
        migrations.RunPython(migrations.RunPython.noop),
        migrations.AlterUniqueTogether('item', {('name', 'count')}),
        migrations.AlterModelOptions('item', {'ordering': ['name']}),
        migrations.AlterField('item', 'count', models.BigIntegerField(default=0)),
        migrations.RemoveField('item', 'kind'),
        migrations.RemoveField('item', 'kinds'),
        migrations.RenameModel('Kind', 'Sort'),
        migrations.DeleteModel('Sort'),
    ]
`;

describe('asking Django what is pending, and migrating', () => {
  const shop = new Workshop();
  const root = shop.path('srv');
  const names = [root, RELEASE, 'repository', KEY, 'env'];
  before(() => {
    shop.release('srv', RELEASE, SITE);
    shop.write('srv/shared', { env: `DATABASE=${shop.path('db.sqlite3')}\nPGOPTIONS=-c geqo=off\n` });
  });
  after(() => shop.close());
  const ask = (...more: string[]) => shop.run('migrations', [...names, ...more]);
  const migrate = (command: string, ...tries: string[]) =>
    shop.run('migrate', [...shop.fence(root), ...names, command, ...tries]);

  it('tells of the first migration, and changes nothing', async () => {
    const ended = await ask();
    assert.equal(ended.code, 0, ended.err);
    const read = parseMigrations(ended.out);
    assert.ok('report' in read, JSON.stringify(read));
    assert.deepEqual(read.report, {
      databases: [{ alias: 'default', vendor: 'sqlite', lock_timeout: null, applied: 0 }],
      migrations: [
        {
          app: 'catalog',
          name: '0001_initial',
          database: 'default',
          atomic: true,
          operations: [{ op: 'CreateModel', model: 'catalog.Item' }],
        },
      ],
    });
    assert.equal((await ask()).out, ended.out);
  });

  it('applies it once, and says what it applied', async () => {
    const ended = await migrate('python manage.py migrate --noinput');
    assert.equal(ended.code, 0, ended.err);
    assert.equal(ended.out, 'applied catalog.0001_initial\nmigrated\n');
    const again = await migrate('python manage.py migrate --noinput');
    assert.equal(again.out, 'migrated\n');
    const judged = judgeMigrations((await ask('python manage.py', 'default')).out, { allow: 'additive', named: [] });
    assert.deepEqual(judged, {
      ok: true,
      values: { 'migrations pending': false, 'migrations not additive': false },
      note: 'no migration is pending',
    });
  });

  it('tells one operation from the other', async () => {
    shop.write(`srv/${RELEASE}/repository/catalog/migrations`, { '0002_all.py': SECOND });
    const ended = await ask();
    assert.equal(ended.code, 0, ended.err);
    const judged = judgeMigrations(ended.out, { allow: 'additive', named: [] });
    assert.ok(!judged.ok);
    assert.deepEqual(
      judged.output.map((line) => line.replace('catalog.0002_all: ', '').replace(/(: |\. |, which|, and).*/, '')),
      [
        'it adds catalog.item.count, NOT NULL',
        'it renames catalog.item.note to remark',
        'it runs SQL of its own (RunSQL)',
        'it runs Python of its own (RunPython)',
        'it changes what must be unique together in catalog.item',
        'it changes catalog.item.count from integer to bigint',
        'it removes catalog.item.kind',
        'it removes catalog.item.kinds',
      ],
    );
    assert.match(judged.next, /--allow-migration catalog.0002$/);
    assert.ok(judgeMigrations(ended.out, { allow: 'additive', named: ['catalog.0002'] }).ok);
  });

  it('passes Django’s own words on when it can’t tell', async () => {
    shop.write(`srv/${RELEASE}/repository/catalog/migrations`, {
      '0002_other.py':
        'from django.db import migrations\nclass Migration(migrations.Migration):\n    dependencies = [("catalog", "0001_initial")]\n',
    });
    const ended = await ask();
    assert.equal(ended.code, 1);
    assert.match(ended.err, /conflicting migrations: catalog: 0002/);
    assert.equal(ended.out, '');
  });

  it('tries again when a table is locked, with a limit on the wait', async () => {
    const counter = shop.path('counter');
    const locked = `echo x >>${counter}; echo "options: $PGOPTIONS"; [ $(wc -l <${counter}) -ge 2 ] || { echo 'canceling statement due to lock timeout'; exit 1; }`;
    const ended = await migrate(locked);
    assert.equal(ended.code, 0, ended.err);
    assert.equal(ended.out, 'migrated at the 2. try\n');
    assert.match(ended.err, /options: -c geqo=off -c lock_timeout=2000\n[\s\S]*once more in 1 s/);
    const never = await migrate('echo canceling statement due to lock timeout; exit 1', '1');
    assert.equal(never.code, 1);
    assert.match(never.err, /was locked by others each time of 1/);
  });

  it('does not repeat what failed otherwise, and does without the limit behind a pooler', async () => {
    const counter = shop.path('others');
    const failed = await migrate(
      `echo x >>${counter}; echo '  Applying catalog.0002_x... OK'; echo no such column; exit 3`,
    );
    assert.equal(failed.code, 1);
    assert.equal(failed.out, 'applied catalog.0002_x\n');
    assert.equal(readFileSync(counter, 'utf8'), 'x\n');
    const pooled = await migrate(
      'case $PGOPTIONS in *lock_timeout*) echo unsupported startup parameter: options; exit 1;; esac',
    );
    assert.equal(pooled.code, 0, pooled.err);
  });
});
