import type { Opened } from '../open.ts';
import type { Change } from '../change.ts';
import type { Policy } from '../carrying-out.ts';
import type { Size } from '../core/batch.ts';
import type { FleetView } from '../core/fleet.ts';
import type { Inventory } from '../core/inventory.ts';
import { planBack } from '../core/planning/back.ts';
import { pruning } from '../core/planning/prune.ts';
import { noReturn } from '../core/planning/one-way.ts';
import { planRoll, type CommitWish, type RollWish } from '../core/planning/roll.ts';
import { guardedBy, saidBy, type NowFlags } from './guarded.ts';
import { limitedBackends, type LimitFlags } from './named.ts';

export interface RollFlags extends LimitFlags, NowFlags {
  readonly ref?: string;
  readonly batch?: readonly Size[];
  readonly allowMigration?: readonly string[];
  /** Milliseconds; default: the inventory's. */
  readonly linger?: number;
}

/** Milliseconds. */
const DAY = 24 * 3_600_000;

/** Takes the fleet to a commit. Rejects with `Refusal` (exit 2) when the commit or its requirements can't be read, or flags don't go together. */
export async function rollChange(opened: Opened, flags: RollFlags): Promise<Change> {
  const { inventory } = opened;
  const hosts = limitedBackends(inventory, flags);
  const guarded = guardedBy(opened, flags);
  const ref = flags.ref ?? inventory.build.ref;
  const { of, warnings } = await commitWish(opened, ref);
  const wish = {
    of,
    hosts,
    batch: flags.batch ?? inventory.roll.batch,
    allowMigrations: flags.allowMigration ?? [],
    warnings: [...opened.doubts, ...long(flags.linger), ...warnings],
    ...(flags.linger === undefined ? {} : { linger: flags.linger }),
  };
  return { ...rollOf(inventory, `roll --ref ${ref}${saidBy(guarded)}`, wish), guarded };
}

/** What the inventory's `service.linger` is warned of, said of the flag. */
const long = (linger = 0): string[] =>
  linger > DAY
    ? [
        '--linger is longer than a day: all that time each host holds two releases in memory, and two sets of database connections',
      ]
    : [];

/** What a commit is to be built from, out of the source. Rejects with `Refusal` (exit 2). */
export async function commitWish(
  opened: Opened,
  ref: string,
): Promise<{ readonly of: CommitWish; readonly warnings: readonly string[] }> {
  const source = await opened.source();
  const { commit, subject, author, date: committed } = await source.resolve(ref);
  const [requirements, warnings, bytes] = await Promise.all([
    source.requirements(commit, opened.inventory.build.requirements),
    source.warnings(commit),
    source.size(commit),
  ]);
  const now = opened.clock.now();
  return { of: { commit: { commit, ref, subject, author, committed }, requirements, bytes, now }, warnings };
}

/** A roll as a change: how it is planned anew, and what to do if it fails. */
export function rollOf(inventory: Inventory, command: string, wish: RollWish): Change {
  return {
    command,
    policy: policyOf(inventory),
    ...(wish.linger === undefined ? {} : { linger: wish.linger }),
    plan: (view, author, aside) => {
      const left = wish.hosts.filter((name) => !aside.has(name));
      const lost = spared(inventory, view, left, aside.size);
      const rest = {
        hosts: left.filter((name) => !lost.includes(name)),
        warnings: [
          ...wish.warnings,
          ...lost.map((name) => `${name} can't be reached and is left out (roll.on_failure: skip)`),
        ],
      };
      // What failed while it was switched is out already; what could not be given the release, or start it beside the former, still serves.
      const goes = new Map<string, 'lost' | 'failed'>([
        ...lost.map((name) => [name, 'lost'] as const),
        ...[...aside].map((name) => [name, 'failed'] as const),
      ]);
      return planRoll(inventory, view, { ...wish, ...rest, ...(goes.size > 0 ? { without: goes } : {}) }, author);
    },
    back: (view, author, failed, givenUp) =>
      planBack(
        inventory,
        view,
        { release: failed.from ?? null, failed: failed.to, hosts: wish.hosts, givenUp },
        author,
      ),
    after: (view) => pruning(inventory, view),
    mayNotGoBack: (values, before, { from }) =>
      (values.get('migrated') === true && values.get('migrations not additive') === true) ||
      (typeof from === 'string' && noReturn(before, from) !== undefined)
        ? 'A migration that is not additive has been applied: the release before may not work with the database any more, so nothing is put back by itself. Mend the new release and roll again.'
        : undefined,
  };
}

/** Those that can't be reached and that the policy lets the roll go without; none where they are too many: then it is refused. */
function spared({ roll }: Inventory, view: FleetView, hosts: readonly string[], aside: number): string[] {
  const away = hosts.filter((name) => view.backends[name]?.kind === 'unreachable');
  return roll.on_failure === 'skip' && away.length + aside <= roll.max_failures ? away : [];
}

const policyOf = ({ roll }: Inventory): Policy => ({ kind: roll.on_failure, maxFailures: roll.max_failures });
