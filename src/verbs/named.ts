import { selectHosts, type Inventory } from '../core/inventory.ts';
import { Refusal } from '../core/failure.ts';

export interface LimitFlags {
  readonly hosts?: string;
  readonly zone?: string;
}

/** The backends that --hosts and --zone leave, in the inventory's order; all of them without. Throws `Refusal` (exit 2). */
export function limitedBackends(inventory: Inventory, flags: LimitFlags): string[] {
  const selected = selectHosts(inventory, {
    ...(flags.hosts === undefined ? {} : { hosts: flags.hosts }),
    ...(flags.zone === undefined ? {} : { zone: flags.zone }),
  });
  if (selected.ok) return [...selected.hosts];
  throw new Refusal(2, selected.message, 'Name backends of the inventory: --hosts web1,web[3-4].');
}

/** Backends given by name on the command line, ranges too, in the inventory's order. Throws `Refusal` (exit 2). */
export function namedBackends(inventory: Inventory, names: readonly string[]): string[] {
  const selected = selectHosts(inventory, { hosts: names.join(',') });
  if (selected.ok) return [...selected.hosts];
  throw new Refusal(2, selected.message.replace(/^--hosts: /, ''), 'Name backends of the inventory: web1 web[3-4].');
}
