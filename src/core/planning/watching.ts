import type { Inventory } from '../inventory.ts';
import type { Phase, Track, WatchStep } from '../plan.ts';
import { socketOf } from '../address.ts';
import { portOf } from '../slots.ts';
import type { Routing } from './flip.ts';
import { listed } from './listed.ts';
import { MARGIN } from './margin.ts';

/** A backend that is back on the new release, and since which generation. */
export interface Fresh {
  readonly host: string;
  readonly since: number;
}

/** A time with all in: to judge the new release, and to wait. */
export function rest(inventory: Inventory, routing: Routing, release: string, fresh: readonly Fresh[]): Phase[] {
  const { bake, pause } = inventory.roll;
  const phases: Phase[] = [];
  const tracks = watching(inventory, routing, release, fresh, bake);
  if (bake > 0 && tracks.length > 0)
    phases.push({ name: 'bake', title: `bake: ${listed(fresh.map(({ host }) => host))} against the others`, tracks });
  if (pause > 0)
    phases.push({
      name: 'pause',
      title: 'pause between two batches',
      tracks: [
        {
          host: 'balancers',
          steps: [{ kind: 'pause', say: 'pause', lasts: pause, rest: true, deadline: pause + MARGIN }],
        },
      ],
    });
  return phases;
}

/** Judges what is back on the new release by the errors that its users met, beside those who met the old one. Nothing where either is missing. */
export function watching(
  inventory: Inventory,
  routing: Routing,
  release: string,
  fresh: readonly Fresh[],
  lasts: number,
): Track[] {
  const sockets = (name: string): string[] =>
    inventory.backends
      .filter((backend) => backend.name === name)
      .map((backend) => socketOf(backend.address, routing.slotOf(name) ?? portOf(backend, false)));
  const old = routing.in.filter((name) => routing.releaseOf(name) !== release);
  if (fresh.length === 0 || old.length === 0) return [];
  const step: WatchStep = {
    kind: 'watch',
    say: 'compare the errors of the new release with those of the old one',
    lasts,
    deadline: lasts + MARGIN,
    script: 'bake-counts',
    calls: inventory.balancers.map(({ name }) => ({ host: name, args: [inventory.nginx.access_log] })),
    fresh: fresh.flatMap(({ host, since }) => sockets(host).map((address) => ({ address, since }))),
    old: old.flatMap(sockets),
  };
  return [{ host: 'balancers', steps: [step] }];
}
