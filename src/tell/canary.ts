import type { Event } from '../core/event.ts';
import { armRows, odds } from './verdict.ts';
import { lasting, table } from './words.ts';

type Told = Omit<Extract<Event, { type: 'canary' }>, 'at' | 'type'>;

/** One line of where a canary has come to. */
export function canaryLine({ share, lasted, hold, reading }: Told): string {
  const { canary, baseline, verdict, lnTogether, lnPass } = reading;
  const arm = ({ requests, errorsAll }: typeof canary): string => `${requests} requests, ${errorsAll} errors`;
  return `canary ${share} %, ${time(lasted)} of ${time(hold)}: ${arm(canary)}; baseline: ${arm(baseline)}; worse ${odds(lnTogether)}, good ${odds(lnPass)}: ${verdict} so far`;
}

/** The same as a picture, both arms side by side. */
export function canaryPicture(told: Told): string[] {
  const { release, baseline, share, lasted, hold, reading } = told;
  const rows = [
    ['', 'canary', 'baseline'],
    ['release', release, baseline],
    ['users', `${share} %`, `${100 - share} %`],
    ...armRows(reading.canary, reading.baseline),
  ];
  return [
    `Canary: ${time(lasted)} of ${time(hold)} at ${share} %. ${reading.verdict} so far.`,
    ...table(rows).map((line) => `  ${line}`),
    `  it is worse: ${bar(reading.lnTogether, reading.failAt)} ${odds(reading.lnTogether)}, FAIL at ${odds(reading.failAt)}`,
    `  it is good:  ${bar(reading.lnPass, reading.passAt)} ${odds(reading.lnPass)}, PASS at ${odds(reading.passAt)} when the time is over`,
    '  Ctrl-C leaves it; `orchestrate canary abort` sends everybody back, `orchestrate canary promote` takes everybody over.',
  ];
}

const CELLS = 20;

function bar(ln: number, full: number): string {
  const cells = Math.max(0, Math.min(CELLS, Math.round((ln / full) * CELLS)));
  return `[${'#'.repeat(cells)}${'.'.repeat(CELLS - cells)}]`;
}

const time = (seconds: number): string => lasting(Math.round(seconds) * 1000);
