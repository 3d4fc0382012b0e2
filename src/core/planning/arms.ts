import type { HostArms } from '../canary/windows.ts';
import type { Backend, Inventory } from '../inventory.ts';
import { newestRecord, seenBalancers, type FleetView } from '../fleet.ts';
import type { Phase, RunStep } from '../plan.ts';
import type { Split } from '../record.ts';
import { serverAddress } from '../routing/address.ts';

/** Seconds of a follower's window. */
const WINDOW = 5;
const SCRIPT_DEADLINE = 60_000;

/** The ports of a backend: which is the baseline's, and which the canary's. */
export function armsOf(
  { slots }: Backend,
  side: Split['side'],
): { readonly baseline: number; readonly canary: number } {
  const [first = 0, second = first] = slots;
  return side === 'second' ? { baseline: first, canary: second } : { baseline: second, canary: first };
}

/** `address:port` of each arm of each backend, as Nginx's log has it. */
export const addressesOf = (inventory: Inventory, side: Split['side']): readonly HostArms[] =>
  inventory.backends.map((backend) => {
    const { baseline, canary } = armsOf(backend, side);
    return { host: backend.name, baseline: serverAddress(backend, baseline), canary: serverAddress(backend, canary) };
  });

/** The slots that do not serve, on a fleet of which all serve by the same. */
export function idleSide(inventory: Inventory, view: FleetView): Split['side'] {
  const record = newestRecord(view);
  return inventory.backends.every(({ name, slots }) => record?.backends[name]?.slot === slots[1]) ? 'first' : 'second';
}

export function following(inventory: Inventory, view: FleetView, { follower, side }: Split): Phase {
  const arms = addressesOf(inventory, side).flatMap(({ baseline, canary }) => [
    `${baseline}=baseline`,
    `${canary}=canary`,
  ]);
  const { nginx, health: asked } = inventory;
  return onBalancers(view, 'follow', 'add up what each arm answers, on each balancer', {
    kind: 'run',
    say: 'follow the access log',
    script: 'follow',
    fence: nginx.folder,
    calls: seenBalancers(view).map(([host]) => ({
      host,
      args: ['begin', follower, nginx.access_log, asked.path, String(WINDOW), ...arms],
    })),
    deadline: SCRIPT_DEADLINE,
  });
}

export const onBalancers = (
  view: FleetView,
  name: Phase['name'],
  title: string,
  ...steps: Phase['tracks'][number]['steps']
): Phase => {
  const hosts = seenBalancers(view).map(([host]) => host);
  return { name, title, tracks: [{ host: hosts.length === 1 ? hosts[0]! : 'balancers', steps }] };
};

/** The same no more; what was added up stays. */
export function unfollowing(inventory: Inventory, view: FleetView): Phase {
  const end: RunStep = {
    kind: 'run',
    say: 'follow the access log no more',
    script: 'follow',
    fence: inventory.nginx.folder,
    calls: seenBalancers(view).map(([host]) => ({ host, args: ['end'] })),
    deadline: SCRIPT_DEADLINE,
  };
  return onBalancers(view, 'follow', 'the canary is over', end);
}
