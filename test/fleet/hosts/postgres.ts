import { appendFile, mkdir, readdir } from 'node:fs/promises';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { background, must, run, until } from './shell.ts';

/** One PostgreSQL for a fleet, on the machine's own address in its network. Durable enough for a test: not at all. */
export async function startPostgres(
  folder: string,
  address: string,
  database: { readonly PGUSER: string; readonly PGPASSWORD: string; readonly PGDATABASE: string },
  pids: string,
): Promise<void> {
  const [version] = (await readdir('/usr/lib/postgresql')).toSorted().toReversed();
  const bin = `/usr/lib/postgresql/${version ?? ''}/bin`;
  const id = Number((await must('id', ['-u', 'postgres'])).trim());
  await mkdir(folder, { recursive: true });
  await chown(folder, id, id);
  const as = ['-u', 'postgres', '--', '/usr/bin/env', '-i', `PATH=${bin}:/usr/bin:/bin`, 'LC_ALL=C.UTF-8'];
  await must('runuser', [...as, 'initdb', '-D', join(folder, 'data'), '--no-sync', '--auth=trust', '-E', 'UTF8']);
  const hba = join(folder, 'data/pg_hba.conf');
  await appendFile(hba, `host all all ${address}/24 scram-sha-256\n`);
  const settings = {
    listen_addresses: address,
    unix_socket_directories: folder,
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '600',
    shared_buffers: '64MB',
  };
  const pid = background(
    'runuser',
    [
      ...as,
      'postgres',
      '-D',
      join(folder, 'data'),
      ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    ],
    join(folder, 'log'),
  );
  await appendFile(pids, `${pid}\n`);
  await until(
    'PostgreSQL answers',
    20_000,
    async () => (await run('runuser', [...as, 'psql', '-h', folder, '-c', 'SELECT 1'])).code === 0,
  );
  await appendFile(pids, `${(await must('head', ['-1', join(folder, 'data/postmaster.pid')])).trim()}\n`);
  const sql = `CREATE ROLE ${database.PGUSER} LOGIN PASSWORD '${database.PGPASSWORD}'; CREATE DATABASE ${database.PGDATABASE} OWNER ${database.PGUSER};`;
  for (const statement of sql.split(';').filter((each) => each.trim() !== ''))
    await must('runuser', [...as, 'psql', '-h', folder, '-v', 'ON_ERROR_STOP=1', '-c', statement]);
}
