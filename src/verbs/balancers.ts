import type { Change } from '../change.ts';
import { Refusal } from '../core/failure.ts';
import { leavingAside } from '../core/planning/aside.ts';
import { mending } from '../core/planning/mending.ts';
import type { Opened } from '../open.ts';

/** What every command that changes something may be told of its balancers. */
export interface BalancerFlags {
  readonly adopt?: string;
  readonly overwrite?: boolean;
  readonly withoutBalancer?: string;
}

/** The fleet without the balancers that a person leaves out. Throws `Refusal` (exit 2) for a name that is none, and where none is left. */
export function withoutBalancers(opened: Opened, { withoutBalancer }: BalancerFlags): Opened {
  const { inventory } = opened;
  const aside = namesIn(withoutBalancer);
  const strange = aside.filter((name) => !inventory.balancers.some((balancer) => balancer.name === name));
  const next = `Name balancers of the inventory: ${inventory.balancers.map(({ name }) => name).join(', ')}.`;
  if (strange.length > 0) throw new Refusal(2, `--without-balancer: ${strange.join(', ')} is no balancer.`, next);
  const balancers = inventory.balancers.filter(({ name }) => !aside.includes(name));
  if (balancers.length === 0)
    throw new Refusal(2, '--without-balancer leaves no balancer.', 'One must be left to route.');
  return { ...opened, inventory: { ...inventory, balancers } };
}

/** A change that mends first what a hand changed, as a person says, lets balancers catch up, and asks those that are left out. */
export function onBalancers({ inventory }: Opened, change: Change, flags: BalancerFlags): Change {
  const aside = namesIn(flags.withoutBalancer);
  const { plan, back } = change;
  const names = inventory.balancers.map(({ name }) => name);
  if (flags.adopt !== undefined && !names.includes(flags.adopt))
    throw new Refusal(2, `--adopt: ${flags.adopt} is no balancer.`, `Name one of ${names.join(', ')}.`);
  const said = [
    ...(flags.adopt === undefined ? [] : [`--adopt ${flags.adopt}`]),
    ...(flags.overwrite === true ? ['--overwrite'] : []),
    ...(aside.length === 0 ? [] : [`--without-balancer ${aside.join(',')}`]),
  ];
  return {
    ...change,
    command: [change.command, ...said].join(' '),
    plan: (view, author, left) =>
      leavingAside(
        mending(inventory, view, flags, author, (mended) => plan(mended, author, left)),
        aside,
      ),
    ...(back === undefined ? {} : { back: (...args) => leavingAside(back(...args), aside) }),
  };
}

const namesIn = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
