import type { Opened } from '../open.ts';
import type { Change } from '../change.ts';
import { planDrain } from '../core/planning/rotation.ts';
import { namedBackends } from './named.ts';

/** Takes backends out of rotation until `enable`. Throws `Refusal` for a name that the inventory lacks. */
export function drainChange(opened: Opened, hosts: readonly string[], reason: string | undefined): Promise<Change> {
  const names = namedBackends(opened.inventory, hosts);
  return Promise.resolve({
    command: `drain ${names.join(' ')}`,
    plan: (view, author) => planDrain(opened.inventory, view, names, reason ?? `drained by ${opened.by}`, author),
  });
}
