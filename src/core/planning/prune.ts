import type { Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import type { Phase, Track } from '../plan.ts';
import { groundFor } from './ground.ts';
import type { Planned } from './refusal.ts';

const DEADLINE = 10 * 60_000;

/** Removes releases beyond `release.keep`, with the virtual environments and published files that only they needed. */
export function planPrune(inventory: Inventory, view: FleetView): Planned {
  const ground = groundFor(
    inventory,
    view,
    inventory.backends.map(({ name }) => name),
  );
  if (ground !== undefined) return ground;
  const phases = pruning(inventory, view);
  const title = `keep ${inventory.release.keep} releases`;
  return { kind: 'planned', plan: { version: 1, app: inventory.app, title, phases, notes: [] } };
}

/** The phase that prunes; on hosts that can't be reached nothing is. */
export function pruning(inventory: Inventory, view: FleetView): Phase[] {
  const { root, keep } = inventory.release;
  const backends = inventory.backends
    .filter(({ name }) => view.backends[name]?.kind === 'seen')
    .map(({ name }): Track => ({
      host: name,
      steps: [
        {
          kind: 'run',
          say: `remove releases beyond the newest ${keep}`,
          script: 'prune-releases',
          fence: `${root}/.orchestrate`,
          calls: [{ host: name, args: [root, String(keep)] }],
          deadline: DEADLINE,
        },
      ],
    }));
  return [
    { name: 'prune', title: `keep the newest ${keep} releases`, tracks: [...backends, ...published(inventory, view)] },
  ];
}

/** Files stay published while any backend may keep a release that names them. */
function published(inventory: Inventory, view: FleetView): Track[] {
  const { publish } = inventory.build.static;
  if (inventory.build.static.command === null || publish.to !== 'balancers') return [];
  const kept = new Set<string>();
  for (const backend of Object.values(view.backends))
    if (backend.kind === 'seen') {
      const names = backend.releases.map(({ release }) => release);
      for (const name of names.slice(-inventory.release.keep)) kept.add(name);
      for (const name of [backend.current, backend.previous, backend.running])
        if (name !== null && names.includes(name)) kept.add(name);
    }
  return Object.keys(view.balancers)
    .filter((name) => view.balancers[name]?.kind === 'seen')
    .map((name) => ({
      host: name,
      steps: [
        {
          kind: 'run',
          say: 'remove published files that no kept release names',
          script: 'prune-static',
          fence: inventory.nginx.folder,
          calls: [{ host: name, args: [publish.path, ...[...kept].toSorted()] }],
          deadline: DEADLINE,
        },
      ],
    }));
}
