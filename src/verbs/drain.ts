import { Refusal } from '../core/failure.ts';
import type { Opened } from '../open.ts';
import type { Change } from '../change.ts';
import { planDrain } from '../core/planning/rotation.ts';
import { planRest } from '../core/planning/rest.ts';
import { namedBackends } from './named.ts';

/** Characters of a reason. */
const LONGEST = 500;

/** Takes backends out of rotation until `enable`. Throws `Refusal` for a name that the inventory lacks, and a reason that is too long. */
export function drainChange(opened: Opened, hosts: readonly string[], reason: string | undefined): Promise<Change> {
  const names = namedBackends(opened.inventory, hosts);
  if ((reason ?? '').length > LONGEST)
    throw new Refusal(
      2,
      `--reason has ${reason?.length ?? 0} characters; ${LONGEST} is the most.`,
      'Give a shorter one.',
    );
  return Promise.resolve({
    command: `drain ${names.join(' ')}`,
    plan: (view, author) => planDrain(opened.inventory, view, names, reason ?? `drained by ${opened.by}`, author),
    // Only a declaration that failed half-way is put right; what was said of the hosts stays said.
    back: (view, author, _failed, givenUp) => planRest(opened.inventory, view, givenUp, author),
  });
}
