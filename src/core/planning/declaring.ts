import type { Inventory } from '../inventory.ts';
import type { Phase } from '../plan.ts';
import type { Intent } from '../record.ts';
import { beside } from '../slots.ts';
import { refused, type Planned } from './refusal.ts';

export interface Goal {
  readonly title: string;
  readonly from?: string | null;
  readonly to?: string;
  readonly intent?: Intent;
  readonly aside?: readonly string[];
}

/** Makes a plan of phases. Where Nginx has not loaded the groups that they use (`missing`) and may not be told to (`fixed`), it is refused with the way out. */
export function declaring(
  inventory: Inventory,
  missing: readonly string[],
  goal: Goal,
  phases: readonly Phase[],
  notes: readonly string[],
): Planned {
  if (missing.length > 0 && inventory.nginx.configuration === 'fixed')
    return refused(
      'Nginx has not loaded the groups that this needs, and nginx.configuration is `fixed`: nothing was changed.',
      `Let an administrator install what \`orchestrate init --print upstream\` prints as ${inventory.nginx.file}, test it and reload Nginx.${
        beside(inventory).size > 0
          ? ' Where that has been done: what was begun and not finished is ended first (`orchestrate resume` or `orchestrate rollback`); else hosts with two slots that do not follow the usual order (one was left aside, or is out) need groups of their own; where all serve by the same slot, `--batch 100%` of all hosts needs none.'
          : ''
      }`,
      missing.slice(0, 10),
    );
  const reloads = phases.some(({ name }) => name === 'declare')
    ? ['Nginx is reloaded on each balancer: its other sites are touched by that too, and HTTP/2 clients get GOAWAY']
    : [];
  return { kind: 'planned', plan: { version: 1, app: inventory.app, ...goal, phases, notes: [...notes, ...reloads] } };
}
