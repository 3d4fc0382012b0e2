import { lengthText } from '../window-words.ts';
import { nextOpening } from '../windows.ts';
import type { Finding } from './problem.ts';
import { rulesOf, type WrittenRules } from './window-rules.ts';

const YEAR = 366 * 24 * 3_600_000;

/** Freezes from whose beginning on nothing may start for more than a year: a slip in a date, most often. */
export function swallowing({ time_zone = 'UTC', windows = [], freezes = [] }: Partial<WrittenRules>): Finding[] {
  const rules = rulesOf({ time_zone, windows, freezes });
  return rules.freezes.flatMap(({ from }, at): Finding[] => {
    const opens = nextOpening(rules, from)?.opens ?? Infinity;
    if (opens - from <= YEAR) return [];
    return [
      {
        path: ['freezes', at],
        message: `leaves no opening for ${lengthText(opens - from)}: no window opens outside of the freezes in all that time`,
      },
    ];
  });
}
