import type { Goal } from '../ab/goals.ts';
import type { HostArms } from '../canary/windows.ts';
import type { Backend, Inventory } from '../inventory.ts';
import { newestRecord, seenBalancers, type FleetView } from '../fleet.ts';
import type { Phase, RunStep } from '../plan.ts';
import type { Split } from '../record.ts';
import { serverAddress } from '../routing/address.ts';

/** Seconds of a follower's window, of a canary; of an A/B window it is longer, the longer that lasts: what is added up has a bound then. */
const WINDOW = 5;
const WINDOWS = 2000;
const LONGEST = 300;
const widthOf = (ms: number): number =>
  Math.min(LONGEST, Math.max(1, Math.ceil(ms / 1000 / WINDOWS / WINDOW)) * WINDOW);
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
export const addressesOf = (
  inventory: Inventory,
  { side, hosts, without }: Pick<Split, 'side' | 'hosts' | 'without'>,
): readonly HostArms[] =>
  inventory.backends.map((backend) => {
    if (hosts !== undefined) {
      const arm = hosts.includes(backend.name) ? 'canary' : 'baseline';
      return { host: backend.name, baseline: null, canary: null, [arm]: serverAddress(backend, backend.slots[0] ?? 0) };
    }
    const { baseline, canary } = armsOf(backend, side);
    const spared = without?.includes(backend.name) === true;
    return {
      host: backend.name,
      baseline: serverAddress(backend, baseline),
      canary: spared ? null : serverAddress(backend, canary),
    };
  });

/** The slots that do not serve, on a fleet of which all serve by the same. */
export function idleSide(inventory: Inventory, view: FleetView): Split['side'] {
  const record = newestRecord(view);
  return inventory.backends.every(({ name, slots }) => record?.backends[name]?.slot === slots[1]) ? 'first' : 'second';
}

export function following(
  inventory: Inventory,
  view: FleetView,
  split: Split,
  goals: readonly Goal[] = [],
  now = split.at,
): Phase {
  const { follower, ab } = split;
  const arms = addressesOf(inventory, split).flatMap(({ baseline, canary }) => [
    ...(baseline === null ? [] : [`${baseline}=baseline`]),
    ...(canary === null ? [] : [`${canary}=canary`]),
  ]);
  const { nginx, health: asked } = inventory;
  const width = ab === undefined ? WINDOW : widthOf(Date.parse(ab.until) - Date.parse(now));
  // Without a goal it is counted all the same who came.
  const words = goals.map(({ name, method = '-', pattern }) => `${name} ${method} ${pattern}`).join(' ');
  return onBalancers(view, 'follow', 'add up what each arm answers, on each balancer', {
    kind: 'run',
    say: 'follow the access log',
    script: 'follow',
    fence: nginx.folder,
    calls: seenBalancers(view).map(([host]) => ({
      host,
      args: ['begin', follower, nginx.access_log, asked.path, String(width), ab === undefined ? '-' : words, ...arms],
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
