import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { commits } from '../../bench/commits.ts';
import { table } from '../../src/tell/words.ts';
import { wholeOn } from '../e2e/aftermath.ts';
import { ofDeath, ofReload } from '../e2e/losses.ts';
import type { Begun } from '../e2e/operator.ts';
import { setScene, type Scene } from '../e2e/scene.ts';
import type { Load } from '../fleet/load/load.ts';
import { seeded } from '../fleet/load/random.ts';
import type { Report } from '../fleet/load/report.ts';
import { DISTURBANCES } from './disturbances.ts';

/**
 * `npm run soak -- --rolls 50`: one roll after the other under load, each disturbed by chance, on a fleet of its own. Exit code 0 only if
 * each left the fleet whole, no request was lost but what others' reloads and killed workers lose whoever rolls, no order is there twice,
 * and the last rolls took no more memory than the first.
 */
const { values } = parseArgs({
  options: {
    rolls: { type: 'string', default: '50' },
    rate: { type: 'string', default: '200' },
    minutes: { type: 'string', default: '120' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
  },
});
const rolls = Number(values.rolls);
const seed = Number(values.seed);
const random = seeded(seed);
const latest = Date.now() + Number(values.minutes) * 60_000;

interface Round {
  readonly disturbed: string;
  readonly ended: string;
  readonly seconds: number;
  /** The most that an operator of it had in memory, MB. */
  readonly memory: number;
}

const rounds: Round[] = [];
const reloads: number[] = [];
const deaths: number[] = [];
const problems: string[] = [];
const gone = new AbortController();
/** Operators at work. */
const working = new Set<number>();
let peak = 0;
let load: Load | undefined;

console.log(`${rolls} rolls at ${values.rate} requests a second, seed ${seed}`);
const raising = setScene({ name: 'soak', balancers: 2, backends: 2 }, 'v2');
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)
  process.on(signal, () => void leave(code));

/** Whatever ends it early: everything is taken down first. */
async function leave(code: number): Promise<void> {
  if (gone.signal.aborted) return;
  gone.abort();
  console.log('Taking everything down');
  for (const pid of working) end(pid);
  if (load !== undefined) end(load.pid);
  await raising.then((scene) => scene.end()).catch(() => {});
  process.exit(code);
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Measures an operator as long as it lives. */
function watch(begun: Begun): Begun {
  working.add(begun.pid);
  const look = async (): Promise<void> => {
    const status = await readFile(`/proc/${begun.pid}/status`, 'utf8').catch(() => '');
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
  };
  const timer = setInterval(() => void look(), 200);
  const over = (): void => {
    clearInterval(timer);
    working.delete(begun.pid);
  };
  begun.ended.then(over, over);
  return begun;
}

async function soak(scene: Scene): Promise<Report> {
  await scene.configure({
    ssh: {
      user: 'deploy',
      identity_file: scene.fleet.key,
      known_hosts: scene.fleet.knownHosts,
      config: false,
      keepalive: '1s',
      connect_timeout: '5s',
    },
  });
  load = await scene.load({ mix: { rate: Number(values.rate) } });
  const refs = commits(scene.project);
  while (rounds.length < rolls && Date.now() < latest && problems.length < 3 && !gone.signal.aborted)
    await once(scene, (await refs.next()).value.ref, load);
  const report = await scene.report(load);
  load = undefined;
  return report;
}

async function once(scene: Scene, ref: string, running: Load): Promise<void> {
  const disturbance = DISTURBANCES[Math.floor(random() * DISTURBANCES.length)];
  if (disturbance === undefined) return;
  const began = performance.now();
  peak = 0;
  const ran = await disturbance.roll({ scene, random, ref, watch, reloads, deaths });
  const seconds = (performance.now() - began) / 1000;
  let ended = `exit ${ran.code}`;
  if (!(disturbance.ends ?? [0]).includes(ran.code))
    problems.push(
      `roll ${rounds.length + 1} (${disturbance.name}) ended with ${ran.code}:\n${ran.stdout}${ran.stderr}`,
    );
  try {
    await wholeOn(scene);
  } catch (error) {
    ended += ', not whole';
    problems.push(`after roll ${rounds.length + 1} (${disturbance.name}): ${String(error)}`);
  }
  rounds.push({ disturbed: disturbance.name, ended, seconds, memory: peak });
  const { failed = 0 } = running.live ?? {};
  console.log(
    `${rounds.length}  ${disturbance.name}  ${ended}  ${seconds.toFixed(0)} s  ${peak.toFixed(0)} MB  ${failed} failed so far`,
  );
}

/** The mean of the most that each of these rolls took, without those whose operator was killed early. */
const memory = (some: readonly Round[]): number =>
  some.reduce((sum, round) => sum + round.memory, 0) / Math.max(1, some.length);

function told(report: Report): string[] {
  const ours = report.failed.filter(
    (failure) => !ofReload(failure, report, reloads) && !ofDeath(failure, report, deaths),
  );
  const whole = rounds.filter(({ disturbed }) => !/killed, then|stopped/.test(disturbed));
  const part = Math.max(1, Math.floor(whole.length / 3));
  const [first, last] = [memory(whole.slice(0, part)), memory(whole.slice(-part))];
  if (ours.length > 0) problems.push(`${ours.length} requests lost: ${JSON.stringify(ours.slice(0, 8), null, 2)}`);
  if (report.doubled > 0) problems.push(`${report.doubled} orders doubled`);
  if (rounds.length < rolls) problems.push(`${rounds.length} of ${rolls} rolls in ${values.minutes} minutes`);
  if (last > first * 1.2) problems.push('the last rolls took more memory than the first');
  const kinds = Object.entries(Object.groupBy(rounds, ({ disturbed }) => disturbed));
  const mean = (some: readonly Round[]): string =>
    (some.reduce((sum, { seconds }) => sum + seconds, 0) / some.length).toFixed(0);
  return [
    '',
    ...table([
      ['disturbed by', 'rolls', 'seconds in the mean', 'MB at most'],
      ...kinds.map(([name, some = []]) => [
        name,
        String(some.length),
        mean(some),
        Math.max(...some.map((round) => round.memory)).toFixed(0),
      ]),
    ]),
    '',
    `${report.sent} requests in ${report.seconds.toFixed(0)} s, ${ours.length} failed, ${report.doubled} doubled`,
    `${report.failed.length - ours.length} lost to ${reloads.length} reloads by others and ${deaths.length} killed workers, as without a roll`,
    `memory of the operator: ${first.toFixed(0)} MB in the first rolls, ${last.toFixed(0)} MB in the last`,
    ...problems.map((problem) => `PROBLEM: ${problem}`),
  ];
}

try {
  const scene = await raising;
  const report = await soak(scene);
  for (const line of told(report)) console.log(line);
  await leave(problems.length === 0 ? 0 : 1);
} catch (error) {
  if (!gone.signal.aborted) console.error(error);
  await leave(1);
}
