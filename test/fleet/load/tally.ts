import type { DoorCounts } from './door.ts';
import type { Kind } from './mix.ts';
import { byKind, type Failure, latencyOf, type Report, type Second } from './report.ts';

interface Bin {
  sent: number;
  failed: number;
  answered: number;
  releases: Record<string, number>;
  took: number[];
}

/** The counters at one moment: the line that the load prints each 250 ms. */
export interface Live {
  /** Seconds since the start. */
  readonly t: number;
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  readonly inFlight: number;
  /** Right answers since the last line, by release. */
  readonly releases: Readonly<Record<string, number>>;
  /** Milliseconds, of the answers since the last line. */
  readonly p50: number;
  readonly p99: number;
  /** The last failure so far, a sentence. */
  readonly lastFailure: string | null;
}

/** Counts. Times are milliseconds from the start of the load to when the request was due. */
export class Tally {
  readonly #bins: Bin[] = [];
  readonly #failed: Failure[] = [];
  readonly #samples: [number, number][] = [];
  readonly #acknowledged: string[] = [];
  readonly #unacknowledged: string[] = [];
  readonly #requests: Record<Kind, { sent: number; answered: number }> = {
    page: { sent: 0, answered: 0 },
    static: { sent: 0, answered: 0 },
    slow: { sent: 0, answered: 0 },
    order: { sent: 0, answered: 0 },
    upload: { sent: 0, answered: 0 },
  };
  #sent = 0;
  #answered = 0;
  #lately: { releases: Record<string, number>; took: number[] } = { releases: {}, took: [] };

  sent(kind: Kind, at: number): void {
    this.#sent += 1;
    this.#requests[kind].sent += 1;
    this.#bin(at).sent += 1;
  }

  answered(kind: Kind, at: number, took: number, release: string | undefined, order: string | undefined): void {
    this.#answered += 1;
    this.#requests[kind].answered += 1;
    const bin = this.#bin(at);
    bin.answered += 1;
    if (order !== undefined) this.#acknowledged.push(order);
    if (release !== undefined) {
      bin.releases[release] = (bin.releases[release] ?? 0) + 1;
      this.#lately.releases[release] = (this.#lately.releases[release] ?? 0) + 1;
    }
    // What takes its time by design would hide the rest.
    if (kind === 'slow' || kind === 'upload') return;
    const ms = Math.round(took * 10) / 10;
    bin.took.push(ms);
    this.#lately.took.push(ms);
    this.#samples.push([Math.round(at), ms]);
  }

  failed(failure: Failure, order: string | undefined): void {
    this.#failed.push({ ...failure, at: Math.round(failure.at) });
    this.#bin(failure.at).failed += 1;
    if (order !== undefined) this.#unacknowledged.push(order);
  }

  live(now: number): Live {
    const { releases, took } = this.#lately;
    this.#lately = { releases: {}, took: [] };
    const { p50, p99 } = latencyOf(took);
    const last = this.#failed.at(-1);
    const failed = this.#failed.length;
    return {
      t: Math.round(now / 10) / 100,
      sent: this.#sent,
      answered: this.#answered,
      failed,
      inFlight: this.#sent - this.#answered - failed,
      releases,
      p50,
      p99,
      lastFailure: last === undefined ? null : `${last.kind}: ${last.url}: ${last.detail}`,
    };
  }

  report(frame: Pick<Report, 'run' | 'targets' | 'startedAt' | 'seconds' | 'cpu'>, connections: DoorCounts): Report {
    const perRelease: Record<string, number> = {};
    for (const bin of this.#bins) {
      for (const [release, count] of Object.entries(bin.releases))
        perRelease[release] = (perRelease[release] ?? 0) + count;
    }
    return {
      ...frame,
      sent: this.#sent,
      answered: this.#answered,
      failed: this.#failed,
      byKind: byKind(this.#failed),
      requests: this.#requests,
      perRelease,
      latency: latencyOf(this.#samples.map(([, ms]) => ms)),
      perSecond: this.#bins.map(({ took, ...bin }, second): Second => ({ second, ...bin, ...latencyOf(took) })),
      samples: this.#samples,
      connections: { ...connections },
      orders: { acknowledged: this.#acknowledged, unacknowledged: this.#unacknowledged },
      ledger: null,
      doubled: 0,
    };
  }

  #bin(at: number): Bin {
    const second = Math.max(0, Math.floor(at / 1000));
    while (this.#bins.length <= second) this.#bins.push({ sent: 0, failed: 0, answered: 0, releases: {}, took: [] });
    return this.#bins[second]!;
  }
}
