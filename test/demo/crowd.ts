import type { Load } from '../fleet/load/load.ts';
import type { Live } from '../fleet/load/tally.ts';
import { clean, cut } from '../../src/tell/words.ts';

const BAR = 30;
/** Lines of counters, 250 ms each, that the shares are taken of. */
const LATELY = 4;

/** The users' counters, as a person wants to see them. */
export class Crowd {
  readonly #load: Load;
  readonly #colour: boolean;
  #lately: readonly Live[] = [];

  constructor(load: Load, colour: boolean) {
    this.#load = load;
    this.#colour = colour;
  }

  /** For below the picture. */
  lines(columns: number): string[] {
    const live = this.#look();
    if (live === undefined) return [];
    const paint = (code: number, text: string): string => (this.#colour ? `\u001b[${code}m${text}\u001b[0m` : text);
    const share = this.#shareOfV2();
    const v2 = Math.round(BAR * share);
    return [
      `  requests ${paint(1, number(live.sent))}   failed ${paint(live.failed === 0 ? 32 : 31, number(live.failed))}   in flight ${number(live.inFlight)}   99 % within ${live.p99.toFixed(0)} ms`,
      `  answered by  v1 ${paint(33, '█'.repeat(BAR - v2))}${paint(36, '█'.repeat(v2))} v2`,
      ...(live.lastFailure === null ? [] : [`  ${paint(31, cut(clean(live.lastFailure), columns - 4))}`]),
    ];
  }

  /** The same without a terminal. */
  line(): string {
    const live = this.#look();
    if (live === undefined) return 'none yet';
    return `${number(live.sent)} requests, ${number(live.failed)} failed; ${Math.round(this.#shareOfV2() * 100)} % answered by v2`;
  }

  #look(): Live | undefined {
    const { live } = this.#load;
    if (live === null) return undefined;
    if (this.#lately.at(-1) !== live) this.#lately = [...this.#lately, live].slice(-LATELY);
    return live;
  }

  #shareOfV2(): number {
    const sum = (name: string): number => this.#lately.reduce((all, { releases }) => all + (releases[name] ?? 0), 0);
    const [v1, v2] = [sum('v1'), sum('v2')];
    return v1 + v2 === 0 ? 0 : v2 / (v1 + v2);
  }
}

export const number = (count: number): string => count.toLocaleString('en-US');
