import type { Opened } from '../open.ts';
import type { Change } from '../change.ts';
import type { Size } from '../core/batch.ts';
import { planBack } from '../core/planning/back.ts';
import { pruning } from '../core/planning/prune.ts';
import { planRoll } from '../core/planning/roll.ts';
import { limitedBackends, type LimitFlags } from './named.ts';

export interface RollFlags extends LimitFlags {
  readonly ref?: string;
  readonly batch?: readonly Size[];
  readonly allowMigration?: readonly string[];
}

/** Takes the fleet to a commit. Rejects with `Refusal` (exit 2) when the commit or its requirements can't be read. */
export async function rollChange(opened: Opened, flags: RollFlags): Promise<Change> {
  const { inventory } = opened;
  const hosts = limitedBackends(inventory, flags);
  const ref = flags.ref ?? inventory.build.ref;
  const source = await opened.source();
  const commit = await source.resolve(ref);
  const [requirements, warnings, bytes] = await Promise.all([
    source.requirements(commit.commit, inventory.build.requirements),
    source.warnings(commit.commit),
    source.size(commit.commit),
  ]);
  const now = opened.clock.now();
  return {
    command: `roll --ref ${ref}`,
    plan: (view, author) => {
      return planRoll(
        inventory,
        view,
        {
          of: {
            commit: {
              commit: commit.commit,
              ref,
              subject: commit.subject,
              author: commit.author,
              committed: commit.date,
            },
            requirements,
            bytes,
            now,
          },
          hosts,
          batch: flags.batch ?? inventory.roll.batch,
          allowMigrations: flags.allowMigration ?? [],
          warnings,
        },
        author,
      );
    },
    back: (view, author, failed, givenUp) =>
      planBack(inventory, view, { release: failed.from ?? null, failed: failed.to, hosts, givenUp }, author),
    after: (view) => pruning(inventory, view),
    mayGoBack: (values) =>
      values.get('migrated') === true && values.get('migrations not additive') === true
        ? 'A migration that is not additive has been applied: the release before may not work with the database any more, so nothing is put back by itself. Mend the new release and roll again.'
        : undefined,
  };
}
