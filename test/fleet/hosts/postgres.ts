import { appendFile, chown, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { background, must, run, until } from './shell.ts';

/** The application's environment as libpq and the project's settings have it. */
export interface Database {
  readonly PGHOST: string;
  readonly PGPORT: string;
  readonly PGUSER: string;
  readonly PGPASSWORD: string;
  readonly PGDATABASE: string;
}

/**
 * One PostgreSQL for a fleet, on the machine's own address in its network. Durable enough for a test: not at all.
 * @param folder where its files and its socket (for the user postgres) are made
 * @param pids the file that is told the id of a process whose end is also the end of all of it
 */
export async function startPostgres(folder: string, database: Database, pids: string): Promise<void> {
  const version = (await readdir('/usr/lib/postgresql')).toSorted((a, b) => Number(b) - Number(a))[0];
  if (version === undefined) throw new Error('PostgreSQL is not there: run test/setup.sh');
  const bin = `/usr/lib/postgresql/${version}/bin`;
  const [user, group] = (await must('getent', ['passwd', 'postgres'])).split(':').slice(2, 4).map(Number);
  const data = join(folder, 'data');
  await mkdir(folder, { recursive: true });
  await chown(folder, user!, group!);
  const as = [
    `--reuid=postgres`,
    '--regid=postgres',
    '--clear-groups',
    '/usr/bin/env',
    '-i',
    `PATH=${bin}:/usr/bin:/bin`,
  ];
  const setup = [
    '-D',
    data,
    '--no-sync',
    '--auth-local=peer',
    '--auth-host=scram-sha-256',
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
  ];
  await must('setpriv', [...as, 'initdb', ...setup]);
  await appendFile(join(data, 'pg_hba.conf'), `host all all ${database.PGHOST}/24 scram-sha-256\n`);
  const settings = {
    listen_addresses: database.PGHOST,
    port: database.PGPORT,
    unix_socket_directories: folder,
    max_connections: '600',
    shared_buffers: '64MB',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    // Else a killed one leaves files in /dev/shm.
    dynamic_shared_memory_type: 'mmap',
  };
  // In namespaces of its own, whose first process ends all others with it, and shared memory too. That one stays root's: what changes
  // its user is no longer ended with its parent.
  const spaces = ['--pid', '--ipc', '--fork', '--kill-child', '--mount-proc'];
  const first = ['/bin/sh', '-c', '"$@"; exit $?', 'sh'];
  const set = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const log = join(folder, 'postgres.log');
  const pid = background('unshare', [...spaces, ...first, 'setpriv', ...as, 'postgres', '-D', data, ...set], log);
  await appendFile(pids, `${pid}\n`);
  const { PGUSER: role, PGPASSWORD: password, PGDATABASE: name } = database;
  const psql = ['psql', '-q', '-h', folder, '-p', database.PGPORT, '-d', 'postgres', '-v', 'ON_ERROR_STOP=1'];
  await until(
    'PostgreSQL answers',
    20_000,
    async () => (await run(join(bin, 'pg_isready'), ['-q', '-h', folder, '-p', database.PGPORT])).code === 0,
  );
  await must(
    'setpriv',
    [...as, ...psql],
    `CREATE ROLE ${role} LOGIN PASSWORD '${password}'; CREATE DATABASE ${name} OWNER ${role};\n`.replace('; ', ';\n'),
  );
}
