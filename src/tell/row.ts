import { clean, lasting, padded, widthOf } from './words.ts';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (style: Style, text: string) => string;

/** What is known of a host, or of a group such as `balancers`, during a command. Times are milliseconds of one clock. */
export interface Row {
  /** `done`: its step in this phase is over; `switched`: it has nothing more to do. */
  state: 'waiting' | 'started' | 'done' | 'failed' | 'switched';
  step: string;
  readonly since: number;
  /** Of a step that has ended. */
  readonly took: number;
}

export const WAITING: Row = { state: 'waiting', step: '', since: 0, took: 0 };

const LOOK = {
  waiting: ['·', 'dim'],
  started: ['▸', 'cyan'],
  done: ['·', 'dim'],
  failed: ['✗', 'red'],
  switched: ['✓', 'green'],
} as const;

export interface RowPlace {
  readonly width: number;
  /** Columns for the name. */
  readonly names: number;
  readonly now: number;
  readonly paint: Paint;
  /** Of a backend: whether it is in rotation, and how long it has been out. */
  readonly rotation?: { readonly out: boolean; readonly outFor: number };
}

/** `▸ web2  OUT  switch web2 to v2 and restart     0.6 s`, in exactly the columns that there are. */
export function rowLine(name: string, row: Row, { width, names, now, paint, rotation }: RowPlace): string {
  const [mark, style] = LOOK[row.state];
  const [working, failed] = [row.state === 'started', row.state === 'failed'];
  const time = working ? lasting(now - row.since) : failed ? lasting(row.took) : '';
  const where = rotation === undefined ? '' : rotation.out ? `${paint('yellow', 'OUT')}  ` : `${paint('dim', 'in')}   `;
  const room = width - 6 - names - (rotation === undefined ? 0 : 5) - (time === '' ? 0 : widthOf(time) + 2);
  const step = padded(told(row, rotation), Math.max(0, room));
  const shown = padded(clean(name), names);
  return `  ${paint(style, mark)} ${working || failed ? paint('bold', shown) : shown}  ${where}${failed ? paint('red', step) : step}${time === '' ? '' : `  ${time}`}`.trimEnd();
}

function told(row: Row, rotation: RowPlace['rotation']): string {
  if (row.state === 'waiting' || row.state === 'done') return '';
  if (row.state !== 'switched') return row.step;
  if (rotation === undefined || rotation.outFor === 0) return 'done';
  return rotation.out ? 'ready' : `was out for ${lasting(rotation.outFor)}`;
}
