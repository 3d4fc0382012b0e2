import type { Event } from '../src/core/event.ts';
import { pause, type Scene } from '../test/e2e/scene.ts';
import { latencyBetween } from '../test/fleet/load/report.ts';
import { moved } from './moved.ts';
import { isolate } from './hosts-cpu.ts';
import type { Contender } from './contenders.ts';
import type { Site } from './sites.ts';

/** One roll under load, as it was measured. */
export interface Round {
  readonly contender: string;
  readonly backends: number;
  /** Seconds. */
  readonly wall: number;
  /** Host-seconds. */
  readonly out: number;
  /** Seconds of the operator's processors. */
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
  readonly sent: number;
  readonly failed: number;
  readonly byKind: Readonly<Record<string, number>>;
  /** Milliseconds. */
  readonly p99Before: number;
  readonly p99During: number;
  /** Of Nginx, all balancers together. */
  readonly reloads: number;
  /** Two slots: seconds from the first batch's begin to the last flip's end; NaN for others. */
  readonly moving: number;
  /** Two slots: seconds from the command's start to when the last request was given to what served before; NaN for others. */
  readonly left: number;
  /** Milliseconds since the epoch. */
  readonly began: number;
  readonly events: readonly Event[];
}

/** Milliseconds of load before a roll, of which the first are not looked at: connections are being opened. */
const BEFORE = 9000;
const OPENING = 2000;

/** Rolls a site while its users send requests. */
export async function round(scene: Scene, contender: Contender, ref: string): Promise<Round> {
  const { fleet } = scene;
  const { site } = contender;
  const targets = fleet.balancers.map(({ address }) => `${address}:${site.listen}`);
  const load = await scene.load({ targets });
  await isolate('users', load.pid);
  await pause(BEFORE);
  const reloadsBefore = await reloads(scene, site);
  const rolled = await contender.roll(ref).catch(async (error: unknown) => {
    await load.stop();
    throw error;
  });
  const ended = Date.now();
  await pause(1500);
  const report = await scene.report(load);
  const began = rolled.measured.began - report.startedAt;
  const until = ended - report.startedAt;
  return {
    contender: contender.name,
    backends: fleet.backends.length,
    wall: rolled.measured.wall,
    out: rolled.out,
    cpu: rolled.measured.cpu,
    memory: rolled.measured.memory,
    sent: report.sent,
    failed: report.failed.length,
    byKind: report.byKind,
    p99Before: latencyBetween(report, 0.99, OPENING, began),
    p99During: latencyBetween(report, 0.99, began, until),
    reloads: (await reloads(scene, site)) - reloadsBefore,
    ...(await moved(scene, site, rolled)),
    began: rolled.measured.began,
    events: rolled.events,
  };
}

/** How often the masters have been told to reload so far. */
async function reloads({ fleet }: Scene, site: Site): Promise<number> {
  const log = site.name.startsWith('peer') ? '/var/log/nginx/peer-error.log' : '/var/log/nginx/error.log';
  const counts = await Promise.all(fleet.balancers.map(({ name }) => fleet.sh(name, `grep -c SIGHUP ${log} || :`)));
  return counts.reduce((sum, count) => sum + Number(count), 0);
}
