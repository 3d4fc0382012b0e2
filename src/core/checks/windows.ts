import { note, ok, type Check } from '../checks.ts';
import type { Inventory } from '../inventory.ts';
import { lengthText, openingText, openText, shutText, type Zones } from '../window-words.ts';
import { verdictAt } from '../windows.ts';

/** Nothing that opens for so long is seldom meant. */
const LONG = 31 * 24 * 3_600_000;

/** When a roll may begin; nothing where the inventory has neither windows nor freezes. @param now milliseconds since the epoch */
export function windowChecks(inventory: Inventory, now: number, reader: string): Check[] {
  const { windows, freezes, time_zone } = inventory;
  if (windows.length === 0 && freezes.length === 0) return [];
  const zones: Zones = [time_zone, reader];
  const verdict = verdictAt(inventory, now);
  if (verdict.open) return [ok(`windows: a release may be rolled now: ${openText(verdict.opening, zones)}`)];
  const { next } = verdict;
  const says = `windows: ${shutText(verdict, zones)}; ${next === null ? 'nothing opens any more' : openingText(next, zones)}`;
  if (next !== null && next.opens - now <= LONG) return [ok(says)];
  const wait = next === null ? '' : ` (${lengthText(next.opens - now)} from now)`;
  return [note(`${says}${wait}`, 'mend windows and freezes in the inventory, if that is not meant')];
}
