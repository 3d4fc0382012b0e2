import type { Change } from '../change.ts';
import type { Order } from '../core/api/order.ts';
import { newestRecord, type FleetView } from '../core/fleet.ts';
import { Refusal } from '../core/failure.ts';
import { splitOf } from '../core/split.ts';
import { lookAt } from '../look-at.ts';
import type { Opened } from '../open.ts';
import { abChange, abEndChange, openWindow } from './ab.ts';
import { onBalancers, withoutBalancers } from './balancers.ts';
import { abortChange, canaryChange, promoteChange, shareChange } from './canary.ts';
import { drainChange } from './drain.ts';
import { enableChange } from './enable.ts';
import { breakChange } from './lease.ts';
import { lingerStopChange } from './linger.ts';
import { pruneChange } from './prune.ts';
import { resumeChange } from './resume.ts';
import { rollbackChange } from './rollback.ts';
import { rollChange } from './roll.ts';

/** What an order asks for, on the fleet that it is for. */
export interface Ordered {
  readonly opened: Opened;
  readonly change: Change;
  /** What was looked at to make it, if anything was. */
  readonly seen?: FleetView;
}

/** An order as a change, as the command line makes one of its flags. Rejects with `Refusal`. */
export async function orderedChange(whole: Opened, order: Order): Promise<Ordered> {
  const opened = withoutBalancers(whole, order);
  const made = await changeOf(opened, order);
  const { change, seen } = 'change' in made ? made : { change: made, seen: undefined };
  return { opened, change: onBalancers(opened, change, order), ...(seen === undefined ? {} : { seen }) };
}

type Made = Change | { readonly change: Change; readonly seen: FleetView };

async function changeOf(opened: Opened, order: Order): Promise<Made> {
  switch (order.verb) {
    case 'roll':
      return rollChange(opened, order);
    case 'rollback':
      return rollbackChange(opened, order.release, order);
    case 'resume':
      return resumeChange(opened, order);
    case 'drain':
      return drainChange(opened, order.names, order.reason);
    case 'enable':
      return enableChange(opened, order.names);
    case 'prune':
      return pruneChange(opened);
    case 'linger stop':
      return lingerStopChange(opened, order);
    case 'lease break': {
      const seen = await lookAt(opened);
      return { change: breakChange(opened, seen), seen };
    }
    case 'canary':
      return canaryChange(opened, order.share, order);
    case 'ab':
      return abChange(opened, order);
    case 'ab end':
      openWindow(await lookAt(opened, []));
      return abEndChange(opened, order.next, order);
    case 'canary share':
      return shareChange(opened, `canary share ${order.share}%`, order.share);
    case 'canary pause':
      return shareChange(opened, 'canary pause', 0);
    case 'canary continue': {
      const split = splitOf(newestRecord(await lookAt(opened, [])));
      if (split === null) throw new Refusal(3, 'No canary lives.', '`orchestrate canary 10%` begins one.');
      return shareChange(opened, 'canary continue', split.share);
    }
    case 'canary promote':
      return promoteChange(opened, order);
    case 'canary abort':
      return abortChange(opened);
  }
}

const GUARDED: ReadonlySet<Order['verb']> = new Set(['roll', 'canary', 'canary promote', 'ab', 'ab end']);

/** Whether it begins or promotes a release: then it waits for windows. */
export const keepsToWindows = (order: Order): boolean => GUARDED.has(order.verb) && !('now' in order && order.now);
