import { LOCAL, stores } from '../builder.ts';
import type { Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import { idleOf, seenBalancers } from '../fleet.ts';
import type { Phase, Track } from '../plan.ts';
import { pidFile, slotFile } from '../service.ts';
import { SECOND } from '../slots.ts';
import { movingOver, slotOf, wayTo } from './moving.ts';
import type { Staging } from './staging.ts';

const DEADLINE = 60_000;

/** What is to be brought to which hosts. */
type Goal = Pick<Staging, 'builder' | 'hosts'> & {
  readonly release: Pick<Staging['release'], 'release' | 'virtualenv'>;
};

/**
 * Looks, before the first byte is written anywhere, at the rights, the room and the memory that the phases of a roll, forward or back, will need on each host.
 * What is missing ends it here, with nothing changed. `phases`: what is to be done.
 */
export function preflight(inventory: Inventory, view: FleetView, goal: Goal, phases: readonly Phase[]): Phase[] {
  const does = (name: Phase['name']): boolean => phases.some((phase) => phase.name === name);
  const { nginx, release, build } = inventory;
  const { to, path } = build.static.publish;
  const publishes = (where: typeof to): string[] => (does('publish') && to === where ? ['write', path] : []);
  const reloads = does('declare') || nginx.switch === 'reload';
  const balancers = seenBalancers(view).map(([name]): [string, string[]] => [
    name,
    [...publishes('balancers'), ...(reloads ? ['write', folderOf(nginx.file), 'test', nginx.test] : [])],
  ]);
  const staged = new Set([...(does('build') ? [goal.builder] : []), ...(does('ship') ? goal.hosts : [])]);
  const over = movingOver(inventory, view, goal.hosts, goal.release.release);
  // What a slot runs now gives its memory back before another release is started there.
  const beside = (name: string): boolean =>
    over.get(name)?.ready === false && idleOf(view.backends[name])?.running === null;
  const backends = stores(inventory).map((backend): [string, string[]] => {
    const { name } = backend;
    const room = staged.has(name) ? ['room', release.root, goal.release.virtualenv] : [];
    if (name === LOCAL) return [name, room];
    const port = slotOf(view, backend);
    const next = wayTo(view, backend, goal.release.release).port;
    const file = slotFile(inventory, next);
    const wrapper = file === null || !goal.hosts.includes(name) ? [] : ['wrapper', file, String(next)];
    const memory = ['memory', pidFile(inventory, port), String(port), String(Math.round(SECOND * 100))];
    return [
      name,
      [
        ...wrapper,
        ...(beside(name) ? memory : []),
        ...room,
        ...(goal.hosts.includes(name) ? publishes('backends') : []),
      ],
    ];
  });
  // A host that is balancer and backend is looked at once.
  const wanted = new Map<string, string[]>();
  for (const [name, args] of [...balancers, ...backends]) wanted.set(name, [...(wanted.get(name) ?? []), ...args]);
  const tracks = [...wanted].flatMap(([host, args]): Track[] =>
    args.length === 0
      ? []
      : [
          {
            host,
            steps: [
              {
                kind: 'run',
                say: 'look at the rights, the room and the memory that it takes',
                script: 'preflight',
                calls: [{ host, args }],
                deadline: DEADLINE,
              },
            ],
          },
        ],
  );
  return tracks.length === 0
    ? []
    : [{ name: 'check', title: 'see that rights, room and memory for it are there', tracks }];
}

const folderOf = (file: string): string => file.replace(/\/[^/]*$/, '') || '/';
