import { lapse, takeOver } from '../e2e/aftermath.ts';
import { formatMoment, hostOf, MOMENTS } from '../e2e/calls.ts';
import { meet } from '../e2e/met.ts';
import type { Begun, Ran } from '../e2e/operator.ts';
import { pause, type Scene } from '../e2e/scene.ts';
import { between, type Random } from '../fleet/load/random.ts';

/** What a disturbance works with. */
export interface Stand {
  readonly scene: Scene;
  readonly random: Random;
  readonly ref: string;
  /** Tells of each operator that is begun, so that it can be measured, and ended. */
  readonly watch: (begun: Begun) => Begun;
  /** When somebody else reloaded a balancer's Nginx, when a worker was killed: both lose what is on its way, whoever rolls. */
  readonly reloads: number[];
  readonly deaths: number[];
}

export interface Disturbance {
  readonly name: string;
  /** Rolls to `ref`, disturbed. Returns how the last command ended, which must be 0 or what `ends` has. */
  readonly roll: (stand: Stand) => Promise<Ran>;
  readonly ends?: readonly number[];
}

const pick = <T>(random: Random, of: readonly T[]): T => {
  const one = of[between(random, [0, of.length - 1])];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
};

const args = (ref: string): string[] => ['roll', '--ref', ref, '--yes'];

/** A roll, and something else some seconds after its start. */
const beside =
  (deed: (stand: Stand) => Promise<unknown>) =>
  async (stand: Stand): Promise<Ran> => {
    const begun = stand.watch(await stand.scene.elsewhere(args(stand.ref)));
    await Promise.race([begun.ended, pause(between(stand.random, [1000, 10_000]))]);
    await deed(stand);
    return begun.ended;
  };

export const DISTURBANCES: readonly Disturbance[] = [
  { name: 'none', roll: async ({ scene, ref, watch }) => watch(await scene.elsewhere(args(ref))).ended },
  {
    name: 'a reload by somebody else',
    roll: beside(async ({ scene, random, reloads }) => {
      reloads.push(Date.now());
      await scene.fleet.reloadNginx(pick(random, scene.fleet.balancers).name);
    }),
  },
  {
    name: 'the logs rotated',
    roll: beside(({ scene, random }) => scene.fleet.rotateLogs(pick(random, scene.fleet.balancers).name)),
  },
  {
    name: 'a Gunicorn worker killed',
    roll: beside(async ({ scene, random, deaths }) => {
      deaths.push(Date.now());
      // None is there while Gunicorn is being restarted.
      await scene.fleet.exec(pick(random, scene.fleet.backends).name, 'pkill -KILL -o -P "$(cat /run/shop/8000.pid)"');
    }),
  },
  {
    name: 'a link cut for 5 s',
    roll: async ({ scene, random, ref, watch }) => {
      const moment = { when: 'within', script: 'switch', number: between(random, [1, 2]) } as const;
      const met = await meet(scene, formatMoment(moment), ...args(ref));
      watch(met);
      await scene.fleet.cut(hostOf(moment));
      await met.go();
      await pause(5000);
      await scene.fleet.heal(hostOf(moment));
      return met.ended;
    },
    ends: [0, 1],
  },
  {
    name: 'stopped by Ctrl-C',
    roll: async ({ scene, random, ref, watch }) => {
      const begun = watch(await scene.elsewhere(args(ref)));
      await Promise.race([begun.ended, pause(between(random, [2000, 12_000]))]);
      interrupt(begun.pid);
      const ran = await begun.ended;
      return ran.code === 130 ? goOn(scene, ref, pick(random, ['resume', 'rollback'] as const)) : ran;
    },
  },
  { name: 'killed, then resume', roll: (stand) => killed(stand, 'resume') },
  { name: 'killed, then rollback', roll: (stand) => killed(stand, 'rollback') },
];

async function killed({ scene, random, ref, watch }: Stand, end: 'resume' | 'rollback'): Promise<Ran> {
  const met = { at: formatMoment(pick(random, MOMENTS)), deed: 'kill' };
  await watch(await scene.elsewhere(args(ref), met)).ended;
  return goOn(scene, ref, end);
}

/** Another machine finishes or undoes what was begun; where nothing is, there is nothing to undo. */
async function goOn(scene: Scene, ref: string, end: 'resume' | 'rollback'): Promise<Ran> {
  await lapse(scene.fleet);
  const { unfinished } = await scene.status();
  if (unfinished === null) return takeOver(scene, 'roll', '--ref', ref);
  return takeOver(scene, end);
}

function interrupt(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch {
    // It is done already.
  }
}
