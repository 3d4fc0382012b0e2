import type { Opened } from '../open.ts';
import type { Change } from '../change.ts';
import { planEnable } from '../core/planning/rotation.ts';
import { planRest } from '../core/planning/rest.ts';
import { namedBackends } from './named.ts';

/** Puts backends back into rotation. Throws `Refusal` for a name that the inventory lacks. */
export function enableChange(opened: Opened, hosts: readonly string[]): Promise<Change> {
  const names = namedBackends(opened.inventory, hosts);
  return Promise.resolve({
    command: `enable ${names.join(' ')}`,
    plan: (view, author) => planEnable(opened.inventory, view, names, author),
    // Only a declaration that failed half-way is put right; what was said of the hosts stays said.
    back: (view, author, _failed, givenUp) => planRest(opened.inventory, view, givenUp, author),
  });
}
