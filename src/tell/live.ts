import type { Event } from '../core/event.ts';
import { story } from '../core/failure.ts';
import { lasting, summaryLines, table } from './words.ts';

interface Row {
  step: string;
  since: number;
  state: 'started' | 'done' | 'failed' | 'waiting';
}

export interface Screen {
  readonly write: (text: string) => void;
  readonly columns: () => number;
  readonly rows: () => number;
  /** Milliseconds, monotonic. */
  readonly ticks: () => number;
  /** Whether colours may be used. */
  readonly colour: boolean;
  /** More lines below the picture, asked at each redraw. */
  readonly footer?: () => readonly string[];
}

export interface LiveView {
  readonly tell: (event: Event) => void;
  /** Draws once more, then leaves the terminal as it was. */
  readonly close: () => void;
}

const MARK = { started: '▸', done: '✓', failed: '✗', waiting: '·' } as const;
const COLOUR = { started: '36', done: '32', failed: '31', waiting: '90' } as const;

/**
 * The picture of a command at work: a line for the whole, then each host with its step and time. What is over scrolls up as plain
 * lines above it, so nothing that was told is lost when the picture goes.
 */
export function live(screen: Screen): LiveView {
  const hosts = new Map<string, Row>();
  const out = new Set<string>();
  const picture = { title: '', phase: '', began: screen.ticks(), total: 0, batch: '', left: '' };
  const batches = { first: 0, done: 0, of: 0 };
  let drawn = 0;
  let over = false;

  const paint = (code: string, text: string): string => (screen.colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const erase = (): string => (drawn > 0 ? `\u001b[${drawn}A\u001b[0J` : '');

  const body = (): string[] => {
    const width = Math.max(40, screen.columns());
    const rotation = picture.total > 0 ? `in rotation ${picture.total - out.size} of ${picture.total}` : '';
    const head = [picture.title, picture.batch, rotation, lasting(screen.ticks() - picture.began), picture.left];
    const room = Math.max(3, screen.rows() - 4 - (screen.footer?.().length ?? 0));
    const shown = hosts.size > room ? [...hosts].sort(byInterest).slice(0, room) : [...hosts];
    const cells = table(
      shown.map(([host, row]) => [
        `  ${MARK[row.state]} ${host}`,
        out.has(host) ? 'out' : '',
        row.state === 'started' ? lasting(screen.ticks() - row.since) : '',
        row.step,
      ]),
    ).map((line, index) => paint(COLOUR[shown[index]?.[1].state ?? 'waiting'], line.slice(0, width - 1)));
    const hidden = hosts.size - shown.length;
    return [
      paint('1', head.filter((part) => part !== '').join(' · ').slice(0, width - 1)),
      paint('90', `  ${picture.phase}`.slice(0, width - 1)),
      ...cells,
      ...(hidden > 0 ? [`    and ${hidden} more hosts`] : []),
      ...(screen.footer?.() ?? []).map((line) => line.slice(0, width - 1)),
    ];
  };

  const draw = (above: readonly string[] = []): void => {
    if (over) return;
    const lines = body();
    screen.write(`${erase()}${[...above, ...lines].join('\n')}\n`);
    drawn = lines.length;
  };

  const timer = setInterval(draw, 100);
  timer.unref();

  const tell = (event: Event): void => {
    switch (event.type) {
      case 'began':
        picture.title = event.title;
        for (const host of event.hosts) hosts.set(host, { step: '', since: 0, state: 'waiting' });
        return draw();
      case 'phase':
        picture.phase = `${event.number}/${event.of} ${event.title}`;
        countBatch(event);
        for (const row of hosts.values()) if (row.state === 'done') row.state = 'waiting';
        return draw();
      case 'step': {
        const row = { step: told(event), since: screen.ticks(), state: event.state === 'skipped' ? 'done' : event.state } as const;
        if (event.state !== 'skipped') hosts.set(event.host, row);
        return event.state === 'failed' ? draw([paint('31', `✗ ${event.host}: ${event.say}`)]) : undefined;
      }
      case 'rotation':
        picture.total = event.in.length + event.out.length;
        out.clear();
        for (const host of event.out) out.add(host);
        return draw();
      case 'note':
        return draw([event.text]);
      case 'failed':
        return draw(story(event.failure).map((line, index) => (index === 0 ? paint('31', line) : line)));
      case 'going back':
        batches.done = 0;
        return draw([paint('33', `Going back: ${event.title}`)]);
      case 'finished':
        screen.write(`${erase()}${summaryLines(event.summary).join('\n')}\n`);
        drawn = 0;
        over = true;
        return undefined;
      case 'output':
        return undefined;
    }
  };

  const countBatch = (event: Extract<Event, { type: 'phase' }>): void => {
    if (event.batch === undefined || event.name !== 'batch') return;
    if (batches.done === 0) batches.first = screen.ticks();
    const each = batches.done === 0 ? 0 : (screen.ticks() - batches.first) / batches.done;
    picture.batch = `batch ${event.batch.number} of ${event.batch.of}`;
    picture.left = each === 0 ? '' : `about ${lasting(each * (event.batch.of - event.batch.number + 1))} left`;
    batches.done += 1;
  };

  return {
    tell,
    close: () => {
      clearInterval(timer);
      if (!over) draw();
      over = true;
    },
  };
}

const told = (event: Extract<Event, { type: 'step' }>): string => (event.note === undefined ? event.say : `${event.say}: ${event.note}`);

const ORDER = { failed: 0, started: 1, done: 2, waiting: 3 } as const;

/** On a fleet larger than the terminal, the hosts at which something happens come first. Otherwise the order stays. */
function byInterest([, a]: readonly [string, Row], [, b]: readonly [string, Row]): number {
  return ORDER[a.state] - ORDER[b.state];
}
