import type { Change } from '../change.ts';
import { lookAt } from '../look-at.ts';
import type { FleetView } from '../core/fleet.ts';
import { planRollback } from '../core/planning/rollback.ts';
import { planRest } from '../core/planning/rest.ts';
import type { Intent } from '../core/record.ts';
import type { Opened } from '../open.ts';
import { guardedBy, saidBy, type NowFlags } from './guarded.ts';
import { rollbackOf } from './rollback.ts';
import { commitWish, rollOf } from './roll.ts';

export interface Resumed {
  readonly change: Change;
  /** What was looked at to find it. */
  readonly seen: FleetView;
}

/**
 * Goes on with what was begun and not finished, by whoever it was: from the balancers' record, or from the lease of one who died before the
 * first flip. The source is asked only where the release is not complete on the builder. A roll that goes on keeps to windows and freezes as
 * one that begins: it brings the release to further hosts. What goes back, or only comes to rest, does not.
 */
export async function resumeChange(opened: Opened, flags: NowFlags = {}): Promise<Resumed> {
  const guarded = guardedBy(opened, flags);
  const seen = await lookAt(opened);
  const { begun } = seen;
  if (begun === null) return { change: nothingBegun(opened), seen };
  if (begun.kind === 'rollback') {
    const { inventory } = opened;
    const wish = { release: begun.to, ...scope(opened, begun) };
    return {
      change: rollbackOf(inventory, `resume of \`${begun.command}\``, wish.hosts, (view, author, hosts) =>
        planRollback(inventory, view, { ...wish, hosts }, author),
      ),
      seen,
    };
  }
  return { change: { ...(await rollGoesOn(opened, begun, seen, saidBy(guarded))), guarded }, seen };
}

async function rollGoesOn(opened: Opened, begun: Intent, seen: FleetView, said: string): Promise<Change> {
  const { inventory } = opened;
  const builder = seen.backends[inventory.build.builder];
  const made = builder?.kind === 'seen' ? builder.releases.find(({ release }) => release === begun.to) : undefined;
  const { of, warnings } =
    made === undefined
      ? await commitWish(opened, begun.commit ?? begun.ref ?? inventory.build.ref)
      : { of: made, warnings: [] };
  return rollOf(inventory, `resume of \`${begun.command}\`${said}`, {
    of,
    ...scope(opened, begun),
    allowMigrations: begun.allow ?? [],
    ...(begun.linger === undefined ? {} : { linger: begun.linger }),
    warnings,
  });
}

/** The hosts that it was for and that the inventory still has, and its batches. */
function scope({ inventory }: Opened, { hosts, batch }: Intent) {
  const names = inventory.backends.map(({ name }) => name);
  return {
    hosts: hosts.length === 0 ? names : names.filter((name) => hosts.includes(name)),
    batch: batch.length === 0 ? inventory.roll.batch : batch,
  };
}

/** There may still be a flip that reached only some balancers, or a host in the hand of nobody. */
const nothingBegun = ({ inventory }: Opened): Change => ({
  command: 'resume',
  plan: (view, author, aside) => {
    const planned = planRest(inventory, view, aside, author);
    if (planned.kind === 'refused' || planned.plan.phases.length > 0) return planned;
    return { kind: 'planned', plan: { ...planned.plan, title: 'nothing was left unfinished' } };
  },
});
