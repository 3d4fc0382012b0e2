import type { AbReport, GoalReport } from '../core/ab/report.ts';
import type { EndedSplit, Split } from '../core/record.ts';
import { clean, table } from './words.ts';

/** An A/B window for people. */

const NEXT = {
  a: 'then everybody goes to A',
  b: 'then everybody goes to B',
  ask: 'then it stays as it is, until somebody says `orchestrate ab end --then a` or b',
} as const;

export function abHead(split: Split, ended: EndedSplit | undefined): string[] {
  const { ab, baseline, canary, share, by, at, name } = split;
  return [
    `A/B window ${name}: A is ${baseline} (${100 - share} % of the users), B is ${canary} (${share} %). ${by} opened it at ${at}.`,
    ended === undefined
      ? `It is open until ${ab?.until ?? '?'}; ${NEXT[ab?.next ?? 'ask']}.`
      : `It was closed at ${ended.how === 'ended' ? (ab?.until ?? '?') : ended.over}: everybody went to ${wentTo(ended)}.`,
  ].map(clean);
}

const wentTo = ({ how, ab }: EndedSplit): string =>
  how === 'promoted' || (how === 'ended' && ab?.next === 'b') ? 'B' : 'A';

export function abLines(report: AbReport): string[] {
  const { a, b, goals, severally } = report;
  const of = (value: number | undefined, digits = 0): string => (value === undefined ? '-' : value.toFixed(digits));
  const percent = (part: number, all: number): string => (all === 0 ? '-' : `${((100 * part) / all).toFixed(2)} %`);
  const rows = [
    ['', 'A', 'B'],
    ['users', of(a.clients), of(b.clients)],
    ['requests', of(a.requests), of(b.requests)],
    ['errors', percent(a.errors, a.requests), percent(b.errors, b.requests)],
    ...a.quantiles.map(({ share, ms }, at) => [`p${Math.round(share * 100)} in ms`, of(ms), of(b.quantiles[at]?.ms)]),
  ];
  return [
    ...table(rows),
    ...(goals.length === 0
      ? ['', 'No goal is counted: ab.goals in the inventory names what users are to come to.']
      : goals.flatMap((goal) => ['', ...goalLines(goal)])),
    ...(severally ? ['', 'Whoever came by several balancers is counted by each of them.'] : []),
  ].map(clean);
}

/** In words: what is known, and what is not yet. */
function goalLines({ name, a, b, ratio, range, better }: GoalReport): string[] {
  const part = ({ reached, rate }: GoalReport['a']): string =>
    `${reached} users${rate === undefined ? '' : ` (${(100 * rate).toFixed(1)} %)`}`;
  const head = `${name}: A ${part(a)}, B ${part(b)}.`;
  if (range === undefined)
    return [head, '  The balancers’ users differ so much that nothing can be said of all together.'];
  const between = `between ${times(range.low)} and ${times(range.high)} as many as A, for as many users`;
  if (better === undefined)
    return [
      head,
      `  Which side is better is not known yet: B has ${between}${ratio === undefined ? '' : `; ${times(ratio)} so far`}.`,
    ];
  return [head, `  ${better.toUpperCase()} is better: B has ${between}.`];
}

/** The truth is within in 95 of 100 windows, however often one looks. */
const times = (ratio: number): string => (Number.isFinite(ratio) ? `${ratio.toFixed(2)} times` : 'any number of times');
