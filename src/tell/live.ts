import type { Event } from '../core/event.ts';
import { canaryPicture } from './canary.ts';
import { Picture } from './picture.ts';
import type { Paint } from './row.ts';
import { clean, cut, lasting, widthOf } from './words.ts';

export interface Screen {
  readonly write: (text: string) => void;
  readonly columns: () => number;
  readonly rows: () => number;
  /** Milliseconds, monotonic. */
  readonly ticks: () => number;
  /** Whether colours may be used. */
  readonly colour: boolean;
  /** More lines below the picture, asked at each redraw; they may hold colours, and are not cut. */
  readonly footer?: () => readonly string[];
}

export interface LiveView {
  readonly tell: (event: Event) => void;
  /** Draws once more, then leaves the terminal as it was. */
  readonly close: () => void;
}

const CODE = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
/** Milliseconds between two looks at the clock. */
const REDRAW = 100;

/**
 * A command at work on a terminal: the picture is drawn over itself at the bottom, and what is over stays above it as plain lines. Nothing
 * is drawn before the command has begun, so that it can ask its question first; only what it waits for is counted down.
 */
export function live(screen: Screen): LiveView {
  const paint: Paint = (style, text) =>
    screen.colour && text !== '' ? `\u001b[${CODE[style]}m${text}\u001b[0m` : text;
  const picture = new Picture(screen.ticks, paint);
  let drawn: readonly string[] = [];
  let over = false;
  /** What is waited for, and when it comes. */
  let waiting: { readonly text: string; readonly end: number } | undefined;

  /** Both arms of a canary that is watched. */
  let canary: readonly string[] = [];

  const linesNow = (): readonly string[] => {
    if (over) return [];
    if (canary.length > 0) return canary.map((line) => cut(clean(line), screen.columns() - 1));
    if (waiting === undefined)
      return picture.lines({ columns: screen.columns(), rows: screen.rows() }, screen.footer?.() ?? []);
    const left = lasting(Math.max(0, Math.round((waiting.end - screen.ticks()) / 1000) * 1000));
    return [`${cut(clean(waiting.text), screen.columns() - 6 - left.length)}, in ${left}`];
  };

  /** To the picture's first column of its first line: lines may have been wrapped since, by a terminal made narrower. */
  const home = (): string => {
    const columns = Math.max(1, screen.columns());
    const up = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(visible(line) / columns)), 0);
    return up === 0 ? '' : `\r\u001b[${up}A`;
  };

  const draw = (above: readonly string[] = []): void => {
    if (!picture.begun && waiting === undefined && canary.length === 0 && drawn.length === 0)
      return above.length === 0 ? undefined : screen.write(`${above.join('\n')}\n`);
    const lines = linesNow();
    if (above.length === 0 && lines.length === drawn.length && lines.every((line, at) => line === drawn[at]))
      return undefined;
    // Each line is written over the one that stands there, then what is left of it is wiped: nothing flickers.
    const text = [...above, ...lines].map((line) => `${line}\u001b[K\n`).join('');
    screen.write(`${drawn.length === 0 ? HIDE_CURSOR : home()}${text}\u001b[J${lines.length === 0 ? SHOW_CURSOR : ''}`);
    drawn = lines;
    return undefined;
  };

  const timer = setInterval(draw, REDRAW);
  timer.unref();

  return {
    tell: (event) => {
      // What was done beside the command may end after it, and have something to tell.
      if (over) {
        if (event.type === 'note') screen.write(`${picture.tell(event).join('\n')}\n`);
        return;
      }
      if (event.type === 'waiting')
        waiting = event.left > 0 ? { text: event.text, end: screen.ticks() + event.left } : undefined;
      if (event.type === 'canary') canary = canaryPicture(event);
      const above = picture.tell(event);
      if (event.type === 'finished') over = true;
      if (over || above.length > 0 || event.type !== 'step') draw(above);
    },
    close: () => {
      clearInterval(timer);
      if (over || (!picture.begun && drawn.length === 0)) return;
      draw();
      over = true;
      screen.write(SHOW_CURSOR);
    },
  };
}

/** Columns without what only colours. */
// oxlint-disable-next-line no-control-regex -- the escapes that `paint` makes
const visible = (line: string): number => widthOf(line.replaceAll(/\u001b\[[0-9]+m/g, ''));
