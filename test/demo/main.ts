import { change } from '../../src/change.ts';
import { live } from '../../src/tell/live.ts';
import { plain } from '../../src/tell/plain.ts';
import { open } from '../../src/open.ts';
import { rollChange } from '../../src/verbs/roll.ts';
import type { Event, Summary } from '../../src/core/event.ts';
import { pause } from '../e2e/scene.ts';
import { Crowd } from './crowd.ts';
import { Milestones } from './milestones.ts';
import { Stage } from './stage.ts';
import { ended, told } from './told.ts';

/** `npm run demo`: a roll from v1 to v2 on real hosts under load, told as it happens. Exit code 0 only if nothing was lost. */
const terminal = process.stdout.isTTY && process.env['CI'] === undefined && process.env['TERM'] !== 'dumb';
const colour = terminal && process.env['NO_COLOR'] === undefined;
const write = (text: string): void => void process.stdout.write(text);

const gone = new AbortController();
const stage = new Stage(gone.signal);
const milestones = new Milestones(write, terminal, colour);
let restore = (): void => {};

/** Whatever ends the demo early: everything is taken down first. */
function leave(why: string, exit: number): void {
  if (gone.signal.aborted) return;
  gone.abort();
  restore();
  process.exitCode = exit;
  if (process.stdout.writable) write(`\n${why}: taking everything down\n`);
  void stage.strike().then(
    () => process.exit(exit),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
}
process.on('SIGINT', () => leave('Interrupted', 130));
process.on('SIGTERM', () => leave('Ended', 143));
process.on('SIGHUP', () => leave('The terminal has gone', 129));
process.stdout.on('error', () => leave('Nobody reads this any more', 1));
process.on('uncaughtException', (error) => {
  process.stderr.write(`${error.stack ?? error.message}\n`);
  leave('A fault', 1);
});

try {
  const began = performance.now();
  write('A Django project goes from v1 to v2 while users send requests.\n');
  write('Real sshd, Nginx, supervisor and Gunicorn, on hosts made of namespaces.\n\n');
  const { fleet } = await milestones.during('raise 2 balancers, 4 backends and a database', () => stage.raise());
  await milestones.during('roll v1 onto the empty hosts', async (say) => {
    const { exit } = await roll('v1', (event) => (event.type === 'phase' ? say(event.title) : undefined));
    if (exit !== 0) throw new Error('v1 could not be rolled');
  });
  const crowd = await milestones.during(
    'let users in: 160 requests a second from 20 ms away',
    async () => new Crowd(await stage.load(), colour),
  );
  await pause(2000);
  const workers = await stage.workers();
  write('\n$ orchestrate roll --ref v2 --batch 1\n\n');
  const window = { from: Date.now(), to: 0 };
  const { exit, summary } = await watched(crowd);
  window.to = Date.now();
  await pause(2000);
  const report = await milestones.during('look up every order in the database', () => stage.report());
  const sameWorkers = JSON.stringify(workers) === JSON.stringify(await stage.workers());
  await milestones.during('take everything down', () => stage.strike());
  write(
    `\n${told({ fleet: fleet.options, report, summary, window, sameWorkers, took: performance.now() - began }, colour).join('\n')}\n`,
  );
  process.exitCode = exit === 0 && ended(report) ? 0 : 1;
} catch (error) {
  if (!gone.signal.aborted) {
    process.stderr.write(`\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    leave('The demo failed', 1);
  }
}
// Whoever takes down ends the process when it is done.
if (!gone.signal.aborted) process.exit();

async function roll(
  ref: string,
  listener: (event: Event) => void,
): Promise<{ exit: number; summary: Summary | undefined }> {
  let summary: Summary | undefined;
  const opened = await open(stage.inventory, (event) => {
    if (event.type === 'finished') summary = event.summary;
    if (!gone.signal.aborted) listener(event);
  });
  try {
    const exit = await change(opened, await rollChange(opened, { ref, batch: [1] }), {
      dryRun: false,
      yes: true,
      show: () => {},
      stop: gone.signal,
    });
    gone.signal.throwIfAborted();
    return { exit, summary };
  } finally {
    await opened.close();
  }
}

/** The roll that is to be seen: as the program shows it, with the crowd's counters below. */
async function watched(crowd: Crowd): Promise<{ exit: number; summary: Summary | undefined }> {
  if (!terminal) {
    const counters = setInterval(
      () => write(`${new Date().toISOString().slice(11, 19)}  users: ${crowd.line()}\n`),
      2000,
    );
    try {
      return await roll('v2', plain(write, false));
    } finally {
      clearInterval(counters);
    }
  }
  const view = live({
    write,
    columns: () => process.stdout.columns,
    rows: () => process.stdout.rows,
    ticks: () => performance.now(),
    colour,
    footer: () => crowd.lines(process.stdout.columns),
  });
  restore = () => view.close();
  try {
    return await roll('v2', view.tell);
  } finally {
    view.close();
    restore = () => {};
  }
}
