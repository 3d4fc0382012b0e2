import { checkLedger, type Ledger, type Orders, type Rows } from './ledger.ts';
import type { Kind } from './mix.ts';
import type { Sides } from './users.ts';

export interface Failure {
  /** A `Loss`, `status 502`, `wrong answer`, or by the ledger `order missing`, `order doubled`, `order unknown`. */
  readonly kind: string;
  /** Milliseconds from the start of the load to when the request was due. */
  readonly at: number;
  readonly url: string;
  readonly detail: string;
}

/** Milliseconds from when a request was due to its whole answer: pages, stylesheets and orders that were answered rightly. */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** What became of the requests that were due in one second. */
export interface Second extends Latency {
  readonly second: number;
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  /** Right answers by release. */
  readonly releases: Readonly<Record<string, number>>;
}

export interface Report {
  /** What the ids of this load's orders begin with, a hyphen following. */
  readonly run: string;
  readonly targets: readonly string[];
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Seconds during which requests were started. */
  readonly seconds: number;
  readonly sent: number;
  /** Answered rightly. `sent` is `answered` and what failed before the ledger was looked at. */
  readonly answered: number;
  readonly failed: readonly Failure[];
  /** Failures by their kind. */
  readonly byKind: Readonly<Record<string, number>>;
  readonly requests: Readonly<Record<Kind, { readonly sent: number; readonly answered: number }>>;
  readonly perRelease: Readonly<Record<string, number>>;
  readonly latency: Latency;
  readonly perSecond: readonly Second[];
  /** [when due, how long], milliseconds, of what `latency` is made of, in no order. */
  readonly samples: readonly (readonly [number, number])[];
  readonly connections: {
    readonly opened: number;
    readonly closedWhileIdle: number;
    readonly extra: number;
    /** HTTP/2 streams refused unprocessed by GOAWAY, and sent again: not lost, and not hidden. */
    readonly refused: number;
  };
  readonly orders: Orders;
  /** null until `withLedger`. */
  readonly ledger: Ledger | null;
  /** Orders that the database has more than once; 0 until `withLedger`. */
  readonly doubled: number;
  /** Where the load has users. */
  readonly sides?: Sides;
  /** Share of one core that the load itself took, the delaying proxy included. */
  readonly cpu: number;
}

/** Adds what the database says of the report's orders. */
export function withLedger(report: Report, rows: Rows): Report {
  const ledger = checkLedger(report.orders, rows);
  const failure =
    (kind: string, detail: string) =>
    (id: string): Failure => ({
      kind,
      at: report.seconds * 1000,
      url: `POST /orders ${id}`,
      detail,
    });
  const found = [
    ...ledger.missing.map(failure('order missing', 'was acknowledged, and the database does not have it')),
    ...ledger.doubled.map((id) => failure('order doubled', `the database has it ${rows.get(id)} times`)(id)),
    ...ledger.unknown.map(failure('order unknown', 'the database has it, and nobody sent it')),
  ];
  const failed = [...report.failed, ...found];
  return { ...report, failed, byKind: byKind(failed), ledger, doubled: ledger.doubled.length };
}

export function byKind(failed: readonly Failure[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of failed) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/**
 * Throws unless every request was answered rightly and the database has each acknowledged order once. A load that sent
 * nothing, or whose ledger nobody looked at, proves nothing and throws too.
 */
export function assertNothingLost(report: Report): void {
  const { failed, sent } = report;
  if (failed.length > 0) {
    const kinds = Object.entries(report.byKind).map(([kind, count]) => `${count} × ${kind}`);
    const first = failed.slice(0, 8).map(({ kind, at, url, detail }) => `  ${seconds(at)} ${kind}: ${url}: ${detail}`);
    const more = failed.length > first.length ? [`  … and ${failed.length - first.length} more`] : [];
    throw new Error(
      [`${failed.length} of ${sent} requests failed (${kinds.join(', ')})`, ...first, ...more].join('\n'),
    );
  }
  const silent = Object.entries(report.requests).filter(([, { answered }]) => answered === 0);
  if (silent.length > 0)
    throw new Error(`the load proves nothing: no answer to any ${silent.map(([kind]) => kind).join(', ')}`);
  if (report.answered !== sent) throw new Error(`${sent} requests sent, ${report.answered} answered, and none failed`);
  if (report.ledger === null) throw new Error('nobody looked into the database: withLedger(report, rows) first');
}

/** Quantile `q` (0 to 1) of the latencies of requests due from `from` to `to` (milliseconds from the load's start); NaN where there are none. */
export function latencyBetween(report: Report, q: number, from: number, to: number): number {
  const took = report.samples.filter(([at]) => at >= from && at < to).map(([, ms]) => ms);
  return quantile(
    took.toSorted((a, b) => a - b),
    q,
  );
}

/** Of values in ascending order, by nearest rank; NaN of none. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? NaN;
}

export function latencyOf(took: readonly number[]): Latency {
  const sorted = took.toSorted((a, b) => a - b);
  const at = (q: number): number => (sorted.length === 0 ? 0 : quantile(sorted, q));
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
