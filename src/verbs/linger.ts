import type { Change } from '../change.ts';
import { planLingerStop } from '../core/planning/lingering.ts';
import type { Opened } from '../open.ts';
import { limitedBackends, type LimitFlags } from './named.ts';

/** Ends what lingers on the slots that do not serve, at once. Throws `Refusal` for a name that the inventory lacks. */
export function lingerStopChange(opened: Opened, flags: LimitFlags): Promise<Change> {
  const hosts = limitedBackends(opened.inventory, flags);
  return Promise.resolve({
    command: 'linger stop',
    plan: (view) => planLingerStop(opened.inventory, view, hosts),
  });
}
