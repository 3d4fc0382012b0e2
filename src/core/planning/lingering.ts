import type { Backend, Inventory } from '../inventory.ts';
import { idleOf, newestRecord, seenBalancers, type FleetView, type SlotView } from '../fleet.ts';
import type { Phase, RunStep, Track } from '../plan.ts';
import { pidFile } from '../service.ts';
import { drained } from './draining.ts';
import { groundFor } from './ground.ts';
import { listed } from './listed.ts';
import { runs } from './prevailing.ts';
import { refused, type Planned } from './refusal.ts';
import { splitLives } from './split.ts';
import { MARGIN } from './margin.ts';

/**
 * What every command that changed something ends with, where backends have two slots: what served on the other one before runs on for its
 * time, and ends by itself then, though nobody is there; what never served there is stopped; `current` names what serves. While something
 * is begun and not finished both releases stay as they are: `resume` and `rollback` need them.
 * @param linger milliseconds for which what has just served runs on
 */
export function lingering(inventory: Inventory, view: FleetView, linger: number): Phase[] {
  return phaseOf(inventory, view, endsOf(inventory, view, linger), 'what served before runs on for its time, or ends');
}

/** The same where a command has nothing else to do, and one before it did not come to this; none where all is so. */
export function overdue(inventory: Inventory, view: FleetView, linger: number): Phase[] {
  const rests = ({ backend: { name }, idle, release }: End): boolean => {
    const seen = view.backends[name];
    return (idle.lingers ?? 0) > 0 && seen?.kind === 'seen' && seen.current === release;
  };
  return endsOf(inventory, view, linger).every(rests) ? [] : lingering(inventory, view, linger);
}

function endsOf(inventory: Inventory, view: FleetView, linger: number): End[] {
  const record = newestRecord(view);
  // Which slot serves, and who may still send to the other, only the balancers tell.
  if (view.begun !== null || record === null || seenBalancers(view).length < Object.keys(view.balancers).length)
    return [];
  // Both slots serve while a canary lives.
  if (record.split !== undefined) return [];
  const served = record.served ?? [];
  return inventory.backends.flatMap((backend): End[] => {
    const idle = idleOf(view.backends[backend.name]);
    const seen = view.backends[backend.name];
    const release = runs(view, backend.name);
    if (seen?.kind !== 'seen' || idle === undefined || release === null) return [];
    // What has no link is not ours. What has one may be seen just when it has crashed, and is started again and again until that is gone.
    if (idle.running === 'unsure' && idle.link === null) return [];
    const empty = idle.running === null && idle.link === null;
    if (empty) return seen.current === release ? [] : [{ backend, release, idle, seconds: null }];
    const fresh = idle.running !== null && served.includes(idle.running) ? Math.ceil(linger / 1000) : 0;
    return [{ backend, release, idle, seconds: Math.ceil(idle.lingers ?? fresh) }];
  });
}

/** Ends what lingers on these backends at once: there is no instant way back any more. */
export function planLingerStop(inventory: Inventory, view: FleetView, hosts: readonly string[]): Planned {
  const ground = groundFor(inventory, view, hosts);
  if (ground !== undefined) return ground;
  const lives = splitLives(view);
  if (lives !== undefined) return lives;
  if (view.begun !== null)
    return refused(
      `\`${view.begun.command}\`, which ${view.begun.by} began at ${view.begun.at}, is not finished, and needs both slots.`,
      '`orchestrate resume` goes on with it, `orchestrate rollback` undoes it.',
    );
  const ends = inventory.backends.flatMap((backend): End[] => {
    const idle = idleOf(view.backends[backend.name]);
    const release = runs(view, backend.name);
    if (!hosts.includes(backend.name) || idle === undefined || release === null) return [];
    if (idle.link === null && (idle.running === null || idle.running === 'unsure')) return [];
    return [{ backend, release, idle, seconds: 0 }];
  });
  const title =
    ends.length === 0
      ? 'nothing lingers'
      : `stop what lingers on ${listed(ends.map(({ backend }) => backend.name))}; there is no instant way back then`;
  const phases = phaseOf(inventory, view, ends, title);
  return { kind: 'planned', plan: { version: 1, app: inventory.app, title, phases, notes: [] } };
}

/** What becomes of a backend's other slot. */
interface End {
  readonly backend: Backend;
  /** What serves. */
  readonly release: string;
  readonly idle: SlotView;
  /** Until it ends; 0: at once; null: nothing is there. */
  readonly seconds: number | null;
}

function phaseOf(inventory: Inventory, view: FleetView, ends: readonly End[], title: string): Phase[] {
  if (ends.length === 0) return [];
  const tracks = ends.map((end): Track => {
    const { backend, idle, seconds } = end;
    const empties = seconds === 0 ? drained(inventory, view, backend, [idle.port]) : [];
    return { host: backend.name, steps: [...empties, lingerStep(inventory, end)] };
  });
  return [{ name: 'linger', title, tracks }];
}

function lingerStep(inventory: Inventory, { backend, release, idle, seconds }: End): RunStep {
  const { root } = inventory.release;
  const { deadline } = inventory.health;
  const running = idle.running === 'unsure' ? null : idle.running;
  const what = `${running ?? 'what is to run'} on port ${idle.port} of ${backend.name}`;
  return {
    kind: 'run',
    say:
      seconds === null
        ? `let \`current\` name ${release} on ${backend.name}`
        : seconds === 0
          ? `stop ${what}`
          : `let ${what} run on for ${seconds} s`,
    script: 'linger',
    fence: `${root}/.orchestrate`,
    calls: [
      {
        host: backend.name,
        args: [
          root,
          release,
          String(idle.port),
          pidFile(inventory, idle.port),
          seconds === null ? '-' : String(seconds),
          String(deadline),
        ],
      },
    ],
    deadline: deadline + MARGIN,
  };
}
