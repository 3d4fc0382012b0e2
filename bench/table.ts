import type { Quick } from './quick.ts';
import type { Round } from './round.ts';

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
};

/** A Markdown table, its columns padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)].join('\n');
}

/** The medians of each contender's rounds on one size of fleet; in parentheses beside those of bash. */
export function rollTable(rounds: readonly Round[]): string {
  const names = [...new Set(rounds.map(({ contender }) => contender))];
  const of = (name: string, value: (round: Round) => number): number =>
    median(rounds.filter(({ contender }) => contender === name).map(value));
  const beside = (name: string, value: (round: Round) => number, digits: number): string => {
    const own = of(name, value);
    const bash = of('bash', value);
    return `${own.toFixed(digits)}${name === 'bash' || Number.isNaN(bash) ? '' : ` (${(own / bash).toFixed(2)} ×)`}`;
  };
  const sum = (name: string, value: (round: Round) => number): number =>
    rounds.filter(({ contender }) => contender === name).reduce((total, round) => total + value(round), 0);
  return table([
    [
      '',
      'rolls',
      'wall s',
      'host-seconds out',
      'operator CPU s',
      'peak memory MB',
      'failed of sent, all rolls',
      'p99 ms before',
      'during',
      'ratio',
      'reloads a roll',
      'traffic moved within s',
      'last request to what served, s after Enter',
    ],
    ...names.map((name) => [
      name,
      String(rounds.filter(({ contender }) => contender === name).length),
      beside(name, ({ wall }) => wall, 1),
      beside(name, ({ out }) => out, 1),
      beside(name, ({ cpu }) => cpu, 2),
      of(name, ({ memory }) => memory / 1e6).toFixed(0),
      `${sum(name, ({ failed }) => failed)} of ${sum(name, ({ sent }) => sent)}`,
      of(name, ({ p99Before }) => p99Before).toFixed(0),
      of(name, ({ p99During }) => p99During).toFixed(0),
      of(name, ({ p99Before, p99During }) => p99During / p99Before).toFixed(2),
      of(name, ({ reloads }) => reloads).toFixed(0),
      told(of(name, ({ moving }) => moving)),
      told(of(name, ({ left }) => left)),
    ]),
  ]);
}

const told = (value: number): string => (Number.isNaN(value) ? '' : value.toFixed(2));

export function quickTable({ help, status, ssh }: Quick, hosts: number): string {
  const ms = (seconds: number): string => `${(seconds * 1000).toFixed(0)} ms`;
  return table([
    ['', 'takes'],
    ['`orchestrate --help`', ms(help)],
    [`\`orchestrate status\`, ${hosts} hosts`, `${ms(status)} (${(status / ssh).toFixed(2)} ×)`],
    [`\`ssh HOST true\` to the same, 20 at once`, ms(ssh)],
  ]);
}
