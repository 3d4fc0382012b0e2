import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parseMigrations } from '../../src/core/migration-report.ts';
import { Postgres, hasPostgres } from './postgres.ts';
import { KEY, RELEASE, SITE, Workshop } from './workshop.ts';

const COLUMN = `from django.db import migrations, models
class Migration(migrations.Migration):
    dependencies = [('catalog', '0001_initial')]
    operations = [
        migrations.AddField('item', 'note', models.CharField(max_length=20, null=True, db_index=True)),
        migrations.AlterField('item', 'name', models.TextField()),
    ]
`;

describe('migrating PostgreSQL', { skip: hasPostgres ? false : 'no PostgreSQL here' }, () => {
  const shop = new Workshop();
  const root = shop.path('srv');
  const names = [root, RELEASE, 'repository', KEY, 'env'];
  let postgres: Postgres;
  before(async () => {
    postgres = await Postgres.open();
    const settings = `${SITE['site_settings.py']}
DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'postgres', 'USER': 'shop', 'HOST': '127.0.0.1', 'PORT': ${postgres.port}}}
`;
    shop.release('srv', RELEASE, { ...SITE, 'site_settings.py': settings });
  });
  after(async () => {
    await postgres.close();
    shop.close();
  });
  const migrate = () => shop.run('migrate', [...shop.fence(root), ...names, 'python manage.py migrate --noinput']);

  it('waits 2 s for a lock and no longer, then tries again; and the report says that the limit is in force', async () => {
    assert.equal((await migrate()).code, 0);
    await postgres.psql("INSERT INTO catalog_item (name) SELECT 'x' FROM generate_series(1, 7)");
    shop.write(`srv/${RELEASE}/repository/catalog/migrations`, { '0002_note.py': COLUMN });
    const asked = await shop.run('migrations', names);
    const read = parseMigrations(asked.out);
    assert.ok('report' in read, asked.err);
    assert.equal(read.report.databases[0]?.lock_timeout, '2s');
    const [added, altered] = read.report.migrations[0]?.operations ?? [];
    assert.equal(added?.rows, 7);
    assert.equal(added?.to?.type, 'varchar(20)');
    assert.deepEqual([altered?.from?.type, altered?.to?.type], ['varchar(50)', 'text']);

    // The lock is held until the first try has waited for it in vain.
    const holder = postgres
      .psql('BEGIN; SELECT count(*) FROM catalog_item; SELECT pg_sleep(60); COMMIT')
      .catch(() => {});
    const migrating = migrate();
    const waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    for (const wanted of ['1', '0'])
      while ((await postgres.psql(waits)).trim() !== wanted) await new Promise((resolve) => setTimeout(resolve, 50));
    await postgres.psql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()",
    );
    const ended = await migrating;
    await holder;
    assert.equal(ended.code, 0, ended.err);
    assert.equal(ended.out, 'applied catalog.0002_note\nmigrated at the 2. try\n');
    assert.match(ended.err, /canceling statement due to lock timeout/);
  });
});
