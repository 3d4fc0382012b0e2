import { clean } from '../core/printable.ts';
import type { HostSummary, Summary } from '../core/event.ts';

export { clean };

/** 850 -> "0.9 s", 75_000 -> "1:15". */
export function lasting(ms: number): string {
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  const hours = Math.floor(whole / 3600);
  const rest = `${String(Math.floor((whole % 3600) / 60)).padStart(hours > 0 ? 2 : 1, '0')}:${String(whole % 60).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

const WIDE =
  /\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|[\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;

/** Columns that one character takes on a terminal. */
const columnsOf = (character: string): number => (/^\p{Mn}/u.test(character) ? 0 : WIDE.test(character) ? 2 : 1);

/** Columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  // oxlint-disable-next-line no-control-regex -- the usual case, at once
  if (/^[\u0000-\u007f]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

/** The text in so many columns at most; where something had to go, `…` says so. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let taken = 0;
  for (const character of text) {
    taken += columnsOf(character);
    if (taken > width - 1) break;
    kept += character;
  }
  return width < 1 ? '' : `${kept.trimEnd()}…`;
}

/** The text with blanks behind it, in exactly so many columns. */
export const padded = (text: string, width: number): string => {
  const shown = cut(text, width);
  return shown + ' '.repeat(width - widthOf(shown));
};

/** Columns padded to the widest cell of each; a column that is empty in all rows is left out. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  return rows.map((row) =>
    row
      .flatMap((cell, column) =>
        widths[column] === 0 ? [] : [column === row.length - 1 ? cell : padded(cell, widths[column] ?? 0)],
      )
      .join('  ')
      .trimEnd(),
  );
}

/** Hosts of a summary that are told one by one; beyond it, those that are alike share a line. */
const ONE_BY_ONE = 30;

/** The end of a command: each host, what it runs, how long it was out; then one sentence. */
export function summaryLines(summary: Summary): string[] {
  const reloads = `${summary.reloads === 0 ? 'no' : summary.reloads} Nginx reload${summary.reloads === 1 ? '' : 's'}`;
  return [...table(hostRows(summary.hosts)), clean(`${summary.sentence} (${lasting(summary.took)}, ${reloads})`)];
}

function hostRows(hosts: readonly HostSummary[]): string[][] {
  const alike = Map.groupBy(hosts, ({ host, release, rotation, note }) =>
    hosts.length <= ONE_BY_ONE ? host : JSON.stringify([release, rotation, note]),
  );
  return [...alike.values()].flatMap((some) => {
    const [host] = some;
    if (host === undefined) return [];
    const out = some.map((each) => each.out).filter((ms) => ms > 0);
    const [least, most] = [Math.min(...out), Math.max(...out)];
    const span = least === most ? lasting(most) : `${lasting(least)} to ${lasting(most)}`;
    return [
      [
        `  ${some.length === 1 ? host.host : `${some.length} hosts, ${host.host} to ${some.at(-1)?.host ?? ''}`}`,
        host.release ?? 'no release',
        host.rotation === 'unknown' ? 'rotation unknown' : `${host.rotation === 'in' ? 'in' : 'OUT OF'} rotation`,
        out.length > 0 ? `was out for ${span}` : '',
        host.note ?? '',
      ].map((cell, column) => (column === 0 ? `  ${clean(cell).trimStart()}` : clean(cell))),
    ];
  });
}
