import type { Freeze } from './freeze.ts';
import { nextSpan, type Window } from './window.ts';

/** When a roll may start: while any window is open, or at any time without windows; never in a freeze. */
export interface Rules {
  readonly windows: readonly Window[];
  readonly freezes: readonly Freeze[];
}

/** A time in which rolls may start, from its beginning, or from when it was asked for. Instants in milliseconds since the epoch. */
export interface Opening {
  readonly opens: number;
  /** null: nothing that is known ends it. */
  readonly closes: number | null;
  /** The windows that are open when it begins. */
  readonly windows: readonly Window[];
  /** The freeze that ends it, if it is one. */
  readonly freeze: Freeze | null;
}

export type Verdict =
  | { readonly open: true; readonly opening: Opening }
  /** `freeze`: what forbids it; null: no window is open. `next`: null where none opens any more. */
  | { readonly open: false; readonly freeze: Freeze | null; readonly next: Opening | null };

/** Windows come every week: what is open for longer than that, and a day for a clock that changes, is always open. */
const ALWAYS = 8 * 24 * 3_600_000;

/** Whether a roll may start at an instant, why not, and when it may. */
export function verdictAt(rules: Rules, now: number): Verdict {
  const next = nextOpening(rules, now);
  if (next?.opens === now) return { open: true, opening: next };
  return { open: false, freeze: frozenAt(rules, now), next };
}

/** The first opening that has not ended by an instant; it counts from there. null: there is none. */
export function nextOpening(rules: Rules, after: number): Opening | null {
  let opens = after;
  for (;;) {
    const frozen = frozenAt(rules, opens);
    if (frozen !== null) {
      opens = frozen.to;
      continue;
    }
    const spans = rules.windows.flatMap((window) => nextSpan(window, opens) ?? []);
    const first = rules.windows.length === 0 ? opens : Math.min(...spans.map(({ from }) => from));
    if (first === Infinity) return null;
    if (first <= opens) return openingFrom(rules, opens);
    opens = first;
  }
}

/** Those that have not ended by `from` and begin before `to`, in order. */
export function openings(rules: Rules, from: number, to: number): Opening[] {
  const found: Opening[] = [];
  for (let next = nextOpening(rules, from); next !== null && next.opens < to;) {
    found.push(next);
    next = next.closes === null ? null : nextOpening(rules, next.closes);
  }
  return found;
}

/** The first opening of at least so many milliseconds that begins before an instant; null: there is none. */
export const longEnough = (rules: Rules, from: number, to: number, ms: number): Opening | null =>
  openings(rules, from, to).find(({ opens, closes }) => closes === null || closes - opens >= ms) ?? null;

/** The freeze that holds an instant, of several the one that ends last. */
function frozenAt({ freezes }: Rules, instant: number): Freeze | null {
  const holding = freezes.filter(({ from, to }) => from <= instant && instant < to);
  return holding.toSorted((a, b) => b.to - a.to)[0] ?? null;
}

function openingFrom({ windows, freezes }: Rules, opens: number): Opening {
  const coming = freezes.filter(({ from, to }) => from > opens && to > from).toSorted((a, b) => a.from - b.from)[0];
  const limit = coming?.from ?? Infinity;
  const opening = { opens, windows: windows.filter((window) => covers(window, opens) !== undefined) };
  const closes = windows.length === 0 ? Infinity : unionEnd(windows, opens, limit);
  if (limit <= closes) return { ...opening, closes: coming === undefined ? null : limit, freeze: coming ?? null };
  return { ...opening, closes, freeze: null };
}

/** When the windows that are open, and those that open before they close, are all closed. */
function unionEnd(windows: readonly Window[], from: number, limit: number): number {
  for (let end = from; ;) {
    const further = Math.max(...windows.map((window) => covers(window, end) ?? end));
    if (further === end) return end;
    end = further;
    if (end >= limit || end - from > ALWAYS) return Infinity;
  }
}

/** When a window closes that is open at an instant; undefined: it is not open. */
function covers(window: Window, instant: number): number | undefined {
  const span = nextSpan(window, instant);
  return span !== undefined && span.from <= instant ? span.to : undefined;
}
