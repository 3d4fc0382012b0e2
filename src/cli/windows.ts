import { safeJson } from '../core/printable.ts';
import { calendarOf } from '../core/window-calendar.ts';
import { realClock } from '../fleet/clock.ts';
import { loadInventory } from '../open.ts';
import { windowsLines } from '../tell/windows.ts';

/** `orchestrate windows`: asks no host. */
export async function windows(flags: { readonly inventory?: string; readonly json?: boolean }): Promise<number> {
  const { inventory } = await loadInventory(flags.inventory);
  const calendar = calendarOf(inventory, realClock.now(), realClock.zone());
  process.stdout.write(flags.json === true ? `${safeJson(calendar, 2)}\n` : `${windowsLines(calendar).join('\n')}\n`);
  return 0;
}
