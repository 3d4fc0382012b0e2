import { stores } from '../builder.ts';
import type { Inventory } from '../inventory.ts';
import { complete, newestRecord, type FleetView } from '../fleet.ts';
import type { Phase, RunStep, Track } from '../plan.ts';
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
  const { publish, command } = inventory.build.static;
  const seen = (hosts: FleetView['backends'] | FleetView['balancers']): string[] =>
    Object.keys(hosts).filter((name) => hosts[name]?.kind === 'seen');
  // What a backend keeps that can't be looked at can't be said: then all files stay.
  const known = seen(view.backends).length === stores(inventory).length;
  const published = command === null || !known ? 'none' : publish.to;
  const backends = seen(view.backends).map((name): Track => ({
    host: name,
    steps: [
      {
        kind: 'run',
        say: `remove releases beyond the newest ${keep}`,
        script: 'prune-releases',
        fence: `${root}/.orchestrate`,
        calls: [{ host: name, args: [root, String(keep), ...proved(inventory, view)] }],
        deadline: DEADLINE,
      },
      ...(published === 'backends' ? [unpublish(inventory, view, name, `${root}/.orchestrate`)] : []),
    ],
  }));
  const balancers =
    published === 'balancers'
      ? seen(view.balancers).map((name): Track => ({
          host: name,
          steps: [unpublish(inventory, view, name, inventory.nginx.folder)],
        }))
      : [];
  return [{ name: 'prune', title: `keep the newest ${keep} releases`, tracks: [...backends, ...balancers] }];
}

/** The newest releases that have served: those that failed never push them out. */
const proved = (inventory: Inventory, view: FleetView): readonly string[] =>
  (newestRecord(view)?.served ?? []).slice(-inventory.release.keep);

/** Files stay published while any backend may keep a release that names them. */
function unpublish(inventory: Inventory, view: FleetView, host: string, fence: string): RunStep {
  const kept = new Set<string>(proved(inventory, view));
  const served = newestRecord(view)?.served;
  const published = (name: string): boolean => served === undefined || served.includes(name);
  for (const backend of Object.values(view.backends))
    if (backend.kind === 'seen') {
      const names = backend.releases.map(({ release }) => release);
      for (const name of names.slice(-inventory.release.keep)) kept.add(name);
      for (const name of [backend.current, backend.previous, backend.running])
        if (name !== null && names.includes(name)) kept.add(name);
    }
  const names = [...kept].toSorted();
  const present = (name: string): boolean => Object.values(view.backends).some((backend) => complete(backend, name));
  const sure = names.filter((name) => published(name) && present(name));
  const unsure = names.filter((name) => !published(name));
  return {
    kind: 'run',
    say: 'remove published files that no kept release names',
    script: 'prune-static',
    fence,
    calls: [
      { host, args: [inventory.build.static.publish.path, ...sure, ...(unsure.length > 0 ? ['--', ...unsure] : [])] },
    ],
    deadline: DEADLINE,
  };
}
