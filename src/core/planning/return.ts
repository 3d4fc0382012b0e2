import { witness } from '../builder.ts';
import type { Inventory } from '../inventory.ts';
import { idleOf, newestLease, newestRecord, seenBalancers, type FleetView } from '../fleet.ts';
import type { Plan } from '../plan.ts';
import type { GenerationRecord } from '../record.ts';
import { hasTwo } from '../slots.ts';
import { older } from './age.ts';
import { authored, Routing, type Author } from './flip.ts';
import { groundFor, unsettled } from './ground.ts';
import { look } from './health.ts';
import { noReturn } from './one-way.ts';

/** Seconds of its time that what lingers must have left: hosts began to count one after the other, and the flip takes some. */
const LEFT = 15;

/**
 * The way back that moves the traffic before the backends are looked at: one flip to what still runs on the other slot of each of them,
 * after one right answer of each. For a view of the balancers and one backend alone. Undefined where it takes more than that: the record
 * must say of every backend what its other slot runs, and nobody may have changed anything since.
 * @param release which is asked for; default: the one that served before, where it is the older one
 */
export function planReturn(
  inventory: Inventory,
  view: FleetView,
  release: string | undefined,
  author: Author,
): Plan | undefined {
  const record = newestRecord(view);
  if (record === null || record.split !== undefined || inventory.nginx.switch !== 'live' || !untouched(view, record))
    return undefined;
  const one = witness(inventory);
  if (groundFor(inventory, view, [one]) !== undefined || unsettled(inventory, view) !== undefined) return undefined;
  const known = inventory.backends.map(({ name }) => record.backends[name]);
  const [from, ...others] = new Set(known.map((each) => each?.release ?? null));
  const [to, ...more] = new Set(known.map((each) => each?.former));
  if (typeof from !== 'string' || to === undefined || others.length + more.length > 0) return undefined;
  if (!inventory.backends.every(hasTwo) || known.some((each) => each?.rotation !== 'in')) return undefined;
  if (release === undefined ? older(view)(to, from) > 0 : release !== to) return undefined;
  const seen = view.backends[one];
  const idle = idleOf(seen);
  if (seen?.kind !== 'seen' || seen.running !== from || idle === undefined) return undefined;
  const lingers = idle.running === to && idle.link === to && (idle.lingers ?? 0) > LEFT;
  if (!lingers || noReturn(view, to) !== undefined) return undefined;

  const hosts = inventory.backends.map(({ name }) => name);
  const routing = new Routing(inventory, view, author, view.begun);
  const moves = inventory.backends.map((backend) => ({
    backend,
    port: backend.slots.find((port) => port !== routing.slotOf(backend.name)) ?? 0,
  }));
  for (const { backend, port } of moves) routing.moveOver(backend.name, port, to);
  routing.finish(to);
  const flip = routing.flip(`all over to ${to}, which still runs`);
  if (routing.missing.length > 0) return undefined;
  return {
    version: 1,
    app: inventory.app,
    title: `back to ${to} with one flip`,
    from,
    to,
    intent: { kind: 'rollback', from, to, hosts, batch: [], ...authored(author) },
    phases: [
      {
        name: 'health',
        title: `see that ${to} still answers everywhere`,
        tracks: moves.map(({ backend, port }) => ({
          host: backend.name,
          // One that does not answer at once is no reason to wait: then everything is looked at.
          steps: [{ ...look(inventory, view, backend, port, true), deadline: inventory.health.timeout }],
        })),
      },
      ...flip,
    ],
    notes: [],
  };
}

/** Whether no command has held the lease since the one that wrote the record, and that one came to its end. */
function untouched(view: FleetView, record: GenerationRecord): boolean {
  const newest = newestLease(view);
  const ended = newest !== null && newest.lease.token === record.token && newest.remaining === 0 && !newest.died;
  return (
    ended && view.begun === null && record.intent === null && seenBalancers(view).every(([, { serves }]) => serves)
  );
}
