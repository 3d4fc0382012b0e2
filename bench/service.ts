import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { nextDue } from '../src/core/schedule/recurrence.ts';
import { openClient } from '../src/serve/client/client.ts';
import { openFolder } from '../src/serve/database.ts';
import { makeTables } from '../src/serve/tables.ts';
import { freePort } from '../test/fleet/sshd.ts';
import { written } from '../test/core/inventory/world.ts';

/** What the service takes while it waits and while it is looked at: with what it keeps in a folder, and no fleet. */

const MAIN = join(import.meta.dirname, '..', 'src/main.ts');
const JOBS = 10_000;
const WATCHERS = 50;
/** Events a second: what a roll on 20 hosts tells. */
const RATE = 25;
const SECONDS = 20;

export async function benchService(): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'orchestrate-bench-'));
  try {
    await writeFile(join(folder, 'inventory.yaml'), written({}));
    const data = join(folder, 'data');
    await furnish(data);
    const port = await freePort();
    const child = await started(folder, data, port);
    try {
      const pid = child.pid ?? 0;
      const env = {
        ...process.env,
        ORCHESTRATE_SERVER: `http://127.0.0.1:${port}`,
        ORCHESTRATE_TOKEN_FILE: join(data, 'admin.token'),
      };
      const began = performance.now();
      await typed(['schedule', 'list', '--all', '--limit', String(JOBS)], env);
      const listed = performance.now() - began;
      await rest(15_000);
      const idle = await share(pid, SECONDS);
      const memory = await resident(pid);
      const watched = await watchers(port, (await readFile(join(data, 'admin.token'), 'utf8')).trim(), pid);
      return [
        `| \`schedule list\` of ${JOBS} schedules with their jobs, the process that asks included | ${Math.round(listed)} ms |`,
        `| idle: memory, and the part of a core | ${Math.round(memory / 1e6)} MB, ${(idle * 100).toFixed(1)} % |`,
        `| ${WATCHERS} who watch ${RATE} events a second: the part of a core | ${(watched * 100).toFixed(1)} % |`,
        `| ten years of \`0 2 * * tue\` in Berlin | ${Math.round(tenYears())} ms |`,
      ];
    } finally {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function furnish(data: string): Promise<void> {
  const database = await openFolder(data);
  await makeTables(database, 'shop');
  await database.script(`
    insert into orchestrate_shop.schedules (id, wish, zone, by, made, state)
      select gen_random_uuid(), '{"order":{"verb":"roll"},"when":{"at":"now"}}', 'UTC', 'ada', n, 'ended' from generate_series(1, ${JOBS}) n;
    insert into orchestrate_shop.jobs (id, schedule, "order", command, by, made, instant, due, state, exit, words)
      select gen_random_uuid(), n, '{"verb":"roll"}', 'roll', 'ada', n, n, n, 'done', 0, 'Done: a roll' from generate_series(1, ${JOBS}) n;`);
  await database.close();
}

async function started(folder: string, data: string, port: number): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [MAIN, '-i', join(folder, 'inventory.yaml'), 'serve', '--data', data, '--listen', String(port)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
  // oxlint-disable-next-line no-await-in-loop
  for (let times = 0; !said.includes(' serves ') && times < 600; times += 1) await rest(100);
  return child;
}

async function typed(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: 'ignore', env });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${args.join(' ')}: exit ${code}`);
}

/** While so many watch, drains that are refused are ordered: each tells its end. Returns the part of a core. */
async function watchers(port: number, token: string, pid: number): Promise<number> {
  const client = openClient(`http://127.0.0.1:${port}`, token);
  const stop = new AbortController();
  let heard = 0;
  const all = Array.from({ length: WATCHERS }, async () => {
    for await (const _ of client.events(undefined, undefined, stop.signal)) heard += 1;
  });
  await rest(2000);
  const part = share(pid, SECONDS);
  for (let told = 0; told < RATE * SECONDS; told += 1) {
    // oxlint-disable no-await-in-loop
    await client.ask('POST', '/v1/jobs', { verb: 'drain', names: ['nobody'] });
    await rest(1000 / RATE - 5);
    // oxlint-enable no-await-in-loop
  }
  const found = await part;
  stop.abort();
  await Promise.all(all);
  if (heard < WATCHERS) throw new Error(`${heard} events were heard`);
  return found;
}

/** The part of a core that a process takes within so many seconds: fields 14 and 15 of its stat, in hundredths of a second. */
async function share(pid: number, seconds: number): Promise<number> {
  const used = async (): Promise<number> => {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  };
  const before = await used();
  await rest(seconds * 1000);
  return ((await used()) - before) / seconds;
}

/** Bytes. */
async function resident(pid: number): Promise<number> {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** Milliseconds. */
function tenYears(): number {
  const began = performance.now();
  const recurrence = { cron: '0 2 * * tue', zone: 'Europe/Berlin' };
  let due = nextDue(recurrence, Date.UTC(2026, 0, 1));
  while (due !== null && due < Date.UTC(2036, 0, 1)) due = nextDue(recurrence, due);
  return performance.now() - began;
}
