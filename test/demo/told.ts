import type { Summary } from '../../src/core/event.ts';
import { lasting, table } from '../../src/tell/words.ts';
import type { FleetOptions } from '../fleet/fleet.ts';
import { assertNothingLost, latencyBetween, type Report } from '../fleet/load/report.ts';
import { number } from './crowd.ts';

export interface Happened {
  readonly fleet: FleetOptions;
  readonly report: Report;
  readonly summary: Summary | undefined;
  /** Milliseconds since the epoch: the roll. */
  readonly window: { readonly from: number; readonly to: number };
  /** Whether Nginx's worker processes are those from before the roll. */
  readonly sameWorkers: boolean;
  /** Milliseconds of the whole demo. */
  readonly took: number;
}

/** Whether every request was answered rightly, and the database has each order once. */
export function ended(report: Report): boolean {
  try {
    assertNothingLost(report);
    return true;
  } catch {
    return false;
  }
}

/** What happened, as a table. */
export function told(happened: Happened, colour: boolean): string[] {
  const { fleet, report, summary, window, sameWorkers, took } = happened;
  const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const out = summary?.hosts.map(({ out: ms }) => ms) ?? [];
  const at = (time: number): number => time - report.startedAt;
  const p99 = (from: number, to: number): string => {
    const ms = latencyBetween(report, 0.99, from, to);
    return Number.isNaN(ms) ? 'unknown' : `${ms.toFixed(0)} ms`;
  };
  const kinds = Object.entries(report.byKind).map(([kind, count]) => `${count} × ${kind}`);
  const rows = [
    ['hosts', `${fleet.balancers} balancers, ${fleet.backends} backends; v1 to v2, one backend at a time`],
    ['the roll took', lasting(window.to - window.from)],
    [
      'out of rotation',
      `${out.map((ms) => lasting(ms)).join(', ')}; together ${lasting(out.reduce((sum, ms) => sum + ms, 0))}`,
    ],
    [
      'Nginx reloads',
      `${summary?.reloads ?? 'unknown'}${sameWorkers ? ' (its workers are the same processes as before)' : ''}`,
    ],
    ['requests', `${number(report.sent)} over ${number(report.connections.opened)} connections, of users 20 ms away`],
    [
      'orders',
      `${number(report.orders.acknowledged.length)} acknowledged, ${report.doubled} doubled, ${report.ledger?.missing.length ?? '?'} missing in the database`,
    ],
    [
      '99 % answered',
      `within ${p99(0, at(window.from))} before the roll, ${p99(at(window.from), at(window.to))} during`,
    ],
    ['failed', `${number(report.failed.length)}${kinds.length === 0 ? '' : ` (${kinds.join(', ')})`}`],
  ];
  const well = ended(report);
  return [
    paint(1, 'What happened'),
    ...table(rows.map(([key = '', value = '']) => [`  ${key}`, value])),
    '',
    paint(
      well ? 32 : 31,
      `${well ? '✓ Not one request was lost.' : '✗ Requests were lost.'} (${lasting(took)} in all)`,
    ),
    ...report.failed.slice(0, 5).map(({ kind, url, detail }) => `    ${kind}: ${url}: ${detail}`),
  ];
}
