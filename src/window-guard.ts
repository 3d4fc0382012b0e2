import { estimateOf, type Estimate } from './core/estimate.ts';
import type { Event } from './core/event.ts';
import { NotNow } from './core/failure.ts';
import type { Phase, Plan } from './core/plan.ts';
import {
  estimateText,
  lengthText,
  openingText,
  openText,
  shutText,
  timesText,
  type Zones,
} from './core/window-words.ts';
import { longEnough, verdictAt, type Opening } from './core/windows.ts';
import type { Opened } from './open.ts';

/** What makes a change one that starts or promotes a release: such changes keep to the inventory's windows and freezes. */
export interface Guarded {
  /** Why it does not keep to them, by a person's word. */
  readonly override?: string;
  /** The events of earlier rolls that ended well, for an estimate. Does not reject. */
  readonly earlier: () => Promise<readonly (readonly Event[])[]>;
}

/** Why a plan may not begin now, and when it may; `opens` is an instant, null where nothing is known to open. */
interface Shut {
  readonly refusal: NotNow;
  readonly opens: number | null;
}

type Judged =
  | { readonly may: true; readonly opening: Opening; readonly estimate: Estimate }
  | { readonly may: false; readonly why: string; readonly next: Opening | null; readonly estimate: Estimate };

const YEAR = 366 * 24 * 3_600_000;
/** Milliseconds that pass between an opening and the first batch's planning: looking at the fleet, the lease. */
const SLACK = 60_000;
/** Milliseconds after which it is seen again what time it is: a machine may sleep meanwhile. */
const LOOK = 10_000;

/** Keeps one command to the inventory's windows and freezes. */
export class WindowGuard {
  readonly #opened: Opened;
  readonly #guarded: Guarded;
  readonly #zones: Zones;
  #earlier: Promise<readonly (readonly Event[])[]> | undefined;
  /** That it goes on behind the end of the opening was told. */
  #told = false;

  constructor(opened: Opened, guarded: Guarded) {
    this.#opened = opened;
    this.#guarded = guarded;
    this.#zones = [opened.inventory.time_zone, opened.clock.zone()];
  }

  /** Why the plan may not begin now; undefined: it may. */
  async shut(plan: Plan): Promise<Shut | undefined> {
    if (this.#guarded.override !== undefined) return undefined;
    const judged = await this.#judge(plan);
    if (judged === undefined || judged.may) return undefined;
    const opens = judged.next?.opens ?? null;
    const refusal = new NotNow(
      opens,
      `A release may not be rolled now: ${judged.why}.`,
      `${opens === null ? 'Mend windows and freezes in the inventory' : 'Give the same command again then (`orchestrate roll --wait-window` waits for it)'}. With --now --reason "…" it is done all the same, and the history keeps why. \`orchestrate windows\` lists what opens.`,
      [`${capital(this.#nextText(judged))}.`],
    );
    return { refusal, opens };
  }

  /** What a person should know of it before saying yes, and what is told when it begins; undefined: nothing. */
  async note(plan: Plan): Promise<string | undefined> {
    const { override } = this.#guarded;
    const judged = await this.#judge(plan);
    if (judged === undefined) return undefined;
    const long = estimateText(judged.estimate);
    const state = judged.may
      ? `${openText(judged.opening, this.#zones)}; it takes ${long}`
      : `${judged.why}; ${this.#nextText(judged)}`;
    if (override !== undefined) return `--now: windows and freezes are left aside: ${override} (${state})`;
    return judged.may ? `it may begin now: ${state}` : `it may not begin now: ${state}`;
  }

  /** To be asked before each phase of a plan: why no further batch may begin, by `windows_on_close`; undefined: it may. */
  brake(): (phase: Phase) => string | undefined {
    let begun: number | undefined;
    return ({ batch }) => {
      if (batch === undefined || batch.number === begun) return undefined;
      begun = batch.number;
      return this.#closed();
    };
  }

  /** Lets time pass until an instant, and tells it. Returns whether it came: a person may have asked to stop. */
  async wait(until: number, stop: AbortSignal): Promise<boolean> {
    const { clock, emit } = this.#opened;
    const waiting = {
      type: 'waiting',
      text: `waiting until ${timesText(until, this.#zones)}`,
      until: new Date(until).toISOString(),
    } as const;
    let tellAt = Infinity;
    for (let left = until - clock.now(); left > 0; left = until - clock.now()) {
      if (left <= tellAt) {
        emit({ ...waiting, left });
        tellAt = left - pace(left);
      }
      try {
        // oxlint-disable-next-line no-await-in-loop -- one rest after the other
        await clock.sleep(Math.min(left, LOOK), stop);
      } catch (error) {
        if (!stop.aborted) throw error;
        emit({ ...waiting, left: 0 });
        emit({ type: 'note', text: 'The waiting was ended; nothing was changed.' });
        return false;
      }
    }
    emit({ ...waiting, left: 0 });
    return true;
  }

  /** undefined: nothing keeps the plan. What puts hosts back as they are promotes nothing. */
  async #judge(plan: Plan): Promise<Judged | undefined> {
    const { inventory, clock } = this.#opened;
    if (!isKept(inventory) || !plan.phases.some(({ batch }) => batch !== undefined)) return undefined;
    this.#earlier ??= this.#guarded.earlier();
    const estimate = estimateOf(plan, await this.#earlier);
    const now = clock.now();
    const verdict = verdictAt(inventory, now);
    if (!verdict.open) {
      const why = shutText(verdict, this.#zones);
      return { may: false, why, next: this.#nextFor(estimate, verdict.next?.opens ?? null), estimate };
    }
    const { opening } = verdict;
    if (opening.closes === null || opening.closes - now >= estimate.ms) return { may: true, opening, estimate };
    const why = `it takes ${estimateText(estimate)}, and ${lengthText(opening.closes - now, Math.floor)} are left: ${openText(opening, this.#zones)}`;
    return { may: false, why, next: this.#nextFor(estimate, opening.closes), estimate };
  }

  /** The first opening that is long enough, and a little longer. */
  #nextFor({ ms }: Estimate, from: number | null): Opening | null {
    return from === null ? null : longEnough(this.#opened.inventory, from, from + YEAR, ms + SLACK);
  }

  #nextText({ next, estimate }: Extract<Judged, { may: false }>): string {
    return next === null
      ? `no opening is long enough for it: it takes ${estimateText(estimate)}`
      : openingText(next, this.#zones);
  }

  #closed(): string | undefined {
    const { inventory, clock, emit } = this.#opened;
    if (this.#guarded.override !== undefined || !isKept(inventory)) return undefined;
    const verdict = verdictAt(inventory, clock.now());
    if (verdict.open) return undefined;
    const what = verdict.freeze === null ? 'No window is open any more' : capital(shutText(verdict, this.#zones));
    const policy = inventory.windows_on_close;
    if (policy !== 'finish') return `${what}: no further batch is begun (windows_on_close: ${policy}).`;
    if (!this.#told)
      emit({ type: 'note', text: `${what}: the roll is finished all the same (windows_on_close: finish).` });
    this.#told = true;
    return undefined;
  }
}

const isKept = ({ windows, freezes }: Opened['inventory']): boolean => windows.length > 0 || freezes.length > 0;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Milliseconds from one telling to the next, the shorter the nearer it is. */
function pace(left: number): number {
  const minute = 60_000;
  if (left > 120 * minute) return 30 * minute;
  return left > 15 * minute ? 10 * minute : minute;
}
