import type { Event } from '../core/event.ts';
import { story } from '../core/failure.ts';
import { OutTimes } from './out-times.ts';
import { rowLine, WAITING, type Paint, type Row } from './row.ts';
import { clean, cut, lasting, padded, summaryLines, widthOf } from './words.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

type Told<T extends Event['type']> = Extract<Event, { type: T }>;

/** Nothing is written farther right: the eye finds no way across. */
const WIDEST = 110;
/** Below it there is no telling anything. */
const NARROWEST = 30;
/** From so many rows on there are empty lines between the parts. */
const AIRY = 20;

/**
 * What a command at work looks like: the whole and how far it is, who is in rotation, then each backend with its step and time. Made of
 * events and of a clock's milliseconds; knows nothing of terminals.
 */
export class Picture {
  readonly #ticks: () => number;
  readonly #paint: Paint;
  readonly #outTimes: OutTimes;
  readonly #rows = new Map<string, Row>();
  /** Steps of no single backend: `balancers`, `new hosts`. */
  readonly #others = new Map<string, Row>();
  readonly #out = new Set<string>();
  #whole: (Told<'began'> & { readonly since: number; readonly back: boolean }) | undefined;
  #backends: readonly string[] = [];
  #phase: (Told<'phase'> & { readonly since: number }) | undefined;
  #batch:
    | {
        readonly number: number;
        readonly of: number;
        readonly since: number;
        readonly first: { number: number; since: number };
      }
    | undefined;

  constructor(ticks: () => number, paint: Paint) {
    this.#ticks = ticks;
    this.#paint = paint;
    this.#outTimes = new OutTimes(ticks);
  }

  /** Whether there is something to see. */
  get begun(): boolean {
    return this.#whole !== undefined;
  }

  /** Takes in what happened. Returns the lines that stay above the picture for good. */
  tell(event: Event): string[] {
    this.#outTimes.tell(event);
    switch (event.type) {
      case 'began':
        this.#whole = { ...event, since: this.#ticks(), back: false };
        return [];
      case 'phase':
        return this.#enter(event);
      case 'step':
        this.#step(event);
        return [];
      case 'rotation':
        if (this.#backends.length === 0) this.#backends = [...event.in, ...event.out];
        this.#out.clear();
        for (const host of event.out) this.#out.add(host);
        return [];
      case 'note':
        return [`• ${clean(event.text)}`];
      case 'failed':
        return this.#story(story(event.failure));
      case 'going back':
        this.#rows.clear();
        this.#batch = undefined;
        this.#phase = undefined;
        if (this.#whole !== undefined) this.#whole = { ...this.#whole, title: event.title, back: true };
        return [this.#paint('yellow', `↩ going back: ${clean(event.title)}`)];
      case 'finished':
        return [...this.#leave(event.exit === 0), ...this.#end(event)];
      case 'output':
      case 'canary':
      case 'waiting':
        return [];
    }
  }

  /** The picture as it is now: at most `rows - 1` lines of at most `columns - 1` columns, the footer's aside. */
  lines(size: Size, footer: readonly string[]): string[] {
    const whole = this.#whole;
    if (whole === undefined) return [];
    const width = Math.max(NARROWEST, Math.min(WIDEST, size.columns - 1));
    const gap = size.rows >= AIRY ? [''] : [];
    const time = lasting(this.#ticks() - whole.since);
    const title = clean(whole.title);
    const head = [
      ...gap,
      `${this.#paint('bold', padded(clean(`${whole.app} · ${whole.command}`), width - widthOf(time) - 2))}  ${time}`,
      whole.back ? this.#paint('yellow', cut(`going back: ${title}`, width)) : cut(title, width),
      this.#progress(width),
      this.#rotation(width),
      ...gap,
      cut(clean(this.#phase?.title ?? ''), width),
      ...this.#elsewhere(width, gap),
    ];
    const foot = footer.length === 0 ? [] : [...gap, ...footer];
    const hosts = this.#hosts(width, Math.max(1, size.rows - 1 - head.length - foot.length));
    return [...head, ...hosts, ...foot].slice(0, Math.max(1, size.rows - 1));
  }

  #enter(event: Told<'phase'>): string[] {
    const above = this.#leave(true);
    const now = this.#ticks();
    this.#phase = { ...event, since: now };
    this.#others.clear();
    for (const row of this.#rows.values()) if (row.state === 'done') row.state = 'waiting';
    const { batch } = event;
    if (batch !== undefined && batch.number !== this.#batch?.number) {
      const entered = { number: batch.number, since: now };
      this.#batch = { ...entered, of: batch.of, first: this.#batch?.first ?? entered };
    }
    return above;
  }

  /** The phase that is over, as a line. Flips are told by the batches around them. */
  #leave(well: boolean): string[] {
    const phase = this.#phase;
    this.#phase = undefined;
    if (phase === undefined || !well) return [];
    if (phase.name === 'batch')
      for (const host of phase.batch?.hosts ?? []) {
        const row = this.#rows.get(host);
        if (row !== undefined && row.state !== 'failed') row.state = 'switched';
      }
    if (phase.name === 'flip') return [];
    const took = this.#paint('dim', lasting(this.#ticks() - phase.since));
    return [`${this.#paint('green', '✓')} ${clean(phase.title)} ${took}`];
  }

  #step(event: Told<'step'>): void {
    if (event.state === 'skipped') return;
    const rows = this.#backends.includes(event.host) ? this.#rows : this.#others;
    rows.set(event.host, { step: clean(event.say), since: this.#ticks(), state: event.state, took: event.took ?? 0 });
  }

  /** What happened in red, what to do in bold, the output between as it is. */
  #story([first = '', ...rest]: readonly string[]): string[] {
    const lines = rest.map(clean);
    const next = lines.pop() ?? '';
    return [this.#paint('red', `✗ ${clean(first)}`), ...lines, this.#paint('bold', next)];
  }

  #end(event: Told<'finished'>): string[] {
    const lines = summaryLines(event.summary);
    const sentence = lines.pop() ?? '';
    if (event.exit === 0) return ['', ...lines, this.#paint('green', `✓ ${sentence}`)];
    return [
      '',
      ...lines,
      this.#paint(event.exit === 4 ? 'yellow' : 'red', `${event.exit === 4 ? '!' : '✗'} ${sentence}`),
    ];
  }

  #progress(width: number): string {
    const phase = this.#phase;
    if (phase === undefined) return '';
    const batch = this.#batch;
    const where = batch === undefined ? `phase ${phase.number} of ${phase.of}` : `batch ${batch.number} of ${batch.of}`;
    const words = [where, this.#left()].filter((part) => part !== '').join(' · ');
    const room = width - 36;
    if (room < 8) return cut(words, width);
    const full = Math.round((room * (phase.number - 1)) / phase.of);
    const bar = this.#paint(this.#whole?.back === true ? 'yellow' : 'green', '━'.repeat(full));
    return `${bar}${this.#paint('dim', '─'.repeat(room - full))}  ${cut(words, width - room - 2)}`;
  }

  /** By the batches that are over; nothing before there is one. */
  #left(): string {
    const batch = this.#batch;
    if (batch === undefined || batch.number === batch.first.number) return '';
    const each = (batch.since - batch.first.since) / (batch.number - batch.first.number);
    const left = each * (batch.of - batch.number + 1) - (this.#ticks() - batch.since);
    return left < 500 ? '' : `about ${left < 59_500 ? `${Math.round(left / 1000)} s` : lasting(left)} left`;
  }

  #rotation(width: number): string {
    const of = this.#backends.length;
    const words = `in rotation ${of - this.#out.size} of ${of}`;
    if (widthOf(words) + of + 2 > width) return cut(words, width);
    const dots = this.#backends.map((host) =>
      this.#out.has(host) ? this.#paint('yellow', '○') : this.#paint('green', '●'),
    );
    return `${words}  ${dots.join('')}`;
  }

  /** What is done on no single backend, in the place of the empty line between the phase and the backends: nothing jumps. */
  #elsewhere(width: number, none: readonly string[]): readonly string[] {
    const at = [...this.#others].filter(([, { state }]) => state === 'started' || state === 'failed').slice(0, 3);
    const names = Math.max(0, ...at.map(([name]) => widthOf(clean(name))));
    const place = { width, names: Math.min(names, width >> 1), now: this.#ticks(), paint: this.#paint };
    return at.length === 0 ? none : at.map(([host, row]) => rowLine(host, row, place));
  }

  #hosts(width: number, room: number): string[] {
    const touched = this.#backends.filter((host) => this.#whole?.hosts.includes(host) === true);
    const shown = touched.length <= room ? touched : this.#mostInteresting(touched, room - 1);
    const names = Math.max(0, ...shown.map((host) => widthOf(clean(host))));
    const lines = shown.map((host) =>
      rowLine(host, this.#rows.get(host) ?? WAITING, {
        width,
        names: Math.min(names, width >> 1),
        now: this.#ticks(),
        paint: this.#paint,
        rotation: { out: this.#out.has(host), outFor: this.#outTimes.of(host) },
      }),
    );
    const hidden = touched.filter((host) => !shown.includes(host));
    if (hidden.length === 0) return lines;
    const ready = hidden.filter((host) => this.#rows.get(host)?.state === 'switched').length;
    return [
      ...lines,
      this.#paint('dim', cut(`    and ${hidden.length} more: ${ready} done, ${hidden.length - ready} to come`, width)),
    ];
  }

  /** What fails, works or is out comes before what is to come, and that before what is over; the order on the screen stays. */
  #mostInteresting(hosts: readonly string[], room: number): string[] {
    const rank = (host: string): number => {
      const state = this.#rows.get(host)?.state ?? 'waiting';
      if (state === 'failed') return 0;
      if (state === 'started') return 1;
      if (this.#out.has(host)) return 2;
      return state === 'switched' ? 4 : 3;
    };
    const chosen = new Set(hosts.toSorted((a, b) => rank(a) - rank(b)).slice(0, room));
    return hosts.filter((host) => chosen.has(host));
  }
}
