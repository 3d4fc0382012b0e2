import { beginOf } from '../core/verdict/bins.ts';
import { untilFail, untilPass, type Imagined, type Wait } from '../core/verdict/forecast.ts';
import type { Judge } from '../core/verdict/judge.ts';
import type { Offline } from '../core/verdict/offline.ts';
import { PASS_AT } from '../core/verdict/reading.ts';
import type { Arm, Because, Reading } from '../core/verdict/reading.ts';
import { table } from './words.ts';

/** A verdict on recorded windows, for somebody who knows no statistics: what it is, both arms in numbers, the evidence, what stands in the way. */
export function verdictLines(reading: Reading, { judge }: Pick<Offline, 'judge'>): string[] {
  const { t99 } = judge;
  const { canary, baseline } = reading;
  const slower = t99 === undefined ? 'slow' : `slower than ${milliseconds(beginOf(t99 + 1))}`;
  const timed = baseline.quantiles.some(({ ms }) => ms !== undefined);
  const bound = percent(judge.rules.maxErrorRate);
  return [
    sentence(reading, slower, bound),
    '',
    ...indented([['', 'canary', 'baseline'], ...armRows(canary, baseline)]),
    '',
    `Evidence that the canary is worse. At ${odds(reading.failAt)} it FAILs.`,
    ...indented([
      ['errors', odds(reading.lnE.errors)],
      ...(t99 === undefined ? [] : [[`requests ${slower}`, odds(reading.lnE.tail)]]),
      ...(timed ? [['times as a whole', odds(reading.lnE.rank)]] : []),
      ['together', odds(reading.lnTogether)],
    ]),
    '',
    `Evidence that it errs in less than ${bound} of its requests. At ${odds(reading.passAt)} it PASSes, if nothing speaks for its being worse.`,
    ...indented([['few errors', odds(reading.lnPass)]]),
    '',
    '100 to 1 means: of a hundred canaries that are no worse at most one ever comes so far, however often somebody looks. 1 to 100 speaks',
    'for the canary as strongly.',
    ...notes(reading, judge, bound).map((note) => `\n${note}`),
  ];
}

function sentence({ because, canary }: Reading, slower: string, bound: string): string {
  switch (because.kind) {
    case 'worse':
      return `FAIL: ${found(because, slower)}. It was decided at t = ${because.t}, after ${count(because.canaryRequests)} of its requests.`;
    case 'good':
      return `PASS: the canary errs in less than ${bound} of its requests, and nothing speaks for its being worse than the baseline.`;
    case 'silent':
      return 'NO-DATA: in the last minute no request reached the canary, while the baseline had some.';
    case 'few requests':
      return `NO-DATA: the canary had ${count(canary.requests)} requests in all. With fewer than 20 nothing is said.`;
    case 'hosts differ':
      return `UNDECIDED: there is evidence against the canary, but as much against ${because.hosts.join(', ')}, which run the old release: the hosts differ among themselves.`;
    case 'few clients':
      return `UNDECIDED: the canary is slower, but only ${because.clients} clients have met it.`;
    case 'hardly slower':
      return 'UNDECIDED: the canary is slower, but by less than 10 % or 5 ms at the median.';
    case 'signs':
      return `UNDECIDED: the canary errs in less than ${bound} of its requests, but there are signs of its being worse than the baseline.`;
    case 'too little':
      return 'UNDECIDED: there is not enough evidence, neither that the canary is worse nor that it is good.';
  }
}

function found({ by }: Because & { kind: 'worse' }, slower: string): string {
  if (by === 'errors') return 'the canary answers more of its requests with errors than the baseline does';
  if (by === 'tail') return `more of the canary's requests are ${slower} than of the baseline's`;
  return "the canary's requests take longer than the baseline's";
}

export function armRows(canary: Arm, baseline: Arm): string[][] {
  const both = (name: string, of: (arm: Arm) => string): string[] => [name, of(canary), of(baseline)];
  const once = canary.errors !== canary.errorsAll || baseline.errors !== baseline.errorsAll;
  return [
    both('requests', ({ requests }) => count(requests)),
    both('errors', ({ errorsAll }) => count(errorsAll)),
    ...(once ? [both('errors, a client only once', ({ errors }) => count(errors))] : []),
    both('rate of errors', ({ errorsAll, requests }) => (requests === 0 ? '' : percent(errorsAll / requests))),
    ...canary.quantiles.flatMap(({ share }, at) => {
      const name = share === 0.5 ? 'half took at most' : `${share * 100} of 100 took at most`;
      const row = both(name, ({ quantiles }) => {
        const ms = quantiles[at]?.ms;
        return ms === undefined ? '' : milliseconds(ms);
      });
      return row.slice(1).every((cell) => cell === '') ? [] : [row];
    }),
  ];
}

function notes(reading: Reading, judge: Judge, bound: string): string[] {
  const { baseline } = reading;
  const timed = baseline.quantiles.some(({ ms }) => ms !== undefined);
  const hopeless = rateOf(baseline) >= judge.rules.maxErrorRate;
  return [
    ...(hopeless
      ? [
          `The baseline itself errs in ${percent(rateOf(baseline))} of its requests: no canary can PASS a bound of ${bound}.`,
        ]
      : []),
    ...(judge.oneSided > 0
      ? [
          `${count(judge.oneSided)} windows say nothing of who is worse: the canary or the baseline had no request in them.`,
        ]
      : []),
    ...(timed && judge.t99 === undefined
      ? ['Slow requests were not looked at: that takes t99_ms in the first line, or 1,000 times of the baseline.']
      : []),
    ...(reading.verdict === 'UNDECIDED' ? goingOn(reading, judge, hopeless) : []),
  ];
}

/** How long it would have taken, at the windows' own rate and share. */
function goingOn({ canary, baseline, failAt, passAt }: Reading, { rules, times }: Judge, hopeless: boolean): string[] {
  const requests = canary.requests + baseline.requests;
  const seconds = times === undefined ? 0 : times.last - times.began;
  if (seconds <= 0 || canary.requests === 0 || baseline.requests === 0) return [];
  const share = canary.requests / requests;
  const usual = Math.max(rateOf(baseline), rules.maxErrorRate / 10);
  const worse = Math.min(0.99, Math.max(rules.maxErrorRate, 3 * usual));
  const imagined: Imagined = { perSecond: requests / seconds, share, canary: worse, baseline: Math.min(0.98, usual) };
  const load = `At these ${rate(imagined.perSecond)} requests a second, ${percent(share)} of them the canary's`;
  const bad = `one that errs in ${percent(worse)} of its requests where the baseline errs in ${percent(usual)} FAILs ${after(untilFail(imagined, failAt))}`;
  if (hopeless) return [`${load}, ${bad}.`];
  const passes = untilPass({ ...imagined, canary: usual }, rules.maxErrorRate, passAt);
  return [`${load}, ${bad}, and one as good as the baseline PASSes ${after(passes)}.`];
}

const rate = (perSecond: number): string => count(Math.max(1, Math.round(perSecond)));

/** What a canary can tell, before it begins. `share`: of 1; `rate`: of errors among what users met until now; `bound`: at which no release is good. */
export function forecast(
  { perSecond, share, errors }: { readonly perSecond: number; readonly share: number; readonly errors: number },
  { bound, falseAlarms }: { readonly bound: number; readonly falseAlarms: number },
): string[] {
  if (perSecond <= 0)
    return [
      'no request has come in the last hour, by the access logs: how long a canary takes to tell anything is not known',
    ];
  const usual = Math.max(errors, bound / 10);
  const worse = Math.min(0.99, Math.max(bound, 3 * usual));
  const imagined: Imagined = { perSecond, share, canary: worse, baseline: Math.min(0.98, usual) };
  const load = `at the present ${rate(perSecond)} requests a second a canary of ${percent(share)}`;
  const bad = `${load} tells ${percent(usual)} from ${percent(worse)} errors ${after(untilFail(imagined, -Math.log(falseAlarms)))}`;
  if (errors >= bound)
    return [
      bad,
      `what serves now errs in ${percent(errors)} of its requests: no canary can PASS a bound of ${percent(bound)} (canary.max_error_rate)`,
    ];
  return [`${bad}, and a good one passes ${after(untilPass({ ...imagined, canary: usual }, bound, PASS_AT))}`];
}

function after({ median, nineInTen }: Wait): string {
  if (median === undefined) return 'after more than a day, or never';
  const most = nineInTen === undefined ? 'some never' : `9 in 10 within ${timeOf(nineInTen)}`;
  return `after about ${timeOf(median)} (${most})`;
}

/** About so long. */
const timeOf = (seconds: number): string =>
  seconds < 100
    ? `${seconds} s`
    : seconds < 6000
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3600)} h`;

const rateOf = ({ errorsAll, requests }: Arm): number => (requests === 0 ? 0 : errorsAll / requests);

const count = (n: number): string => n.toLocaleString('en-US');

/** In two digits: 0.0113 is 1.1 %. */
const percent = (share: number): string => `${Number((share * 100).toPrecision(2))} %`;

const milliseconds = (ms: number): string =>
  ms < 10 ? `${ms.toFixed(1)} ms` : ms < 10_000 ? `${count(Math.round(ms))} ms` : `${count(Math.round(ms / 1000))} s`;

/** A logarithm of evidence as one bets: 100 to 1. */
export function odds(ln: number): string {
  const times = Math.exp(Math.abs(ln));
  const said =
    times > 1e6 ? 'over a million' : times < 9.95 ? String(Number(times.toFixed(1))) : count(Math.round(times));
  return ln >= 0 || said === '1' ? `${said} to 1` : `1 to ${said}`;
}

const indented = (rows: readonly (readonly string[])[]): string[] => table(rows).map((line) => `  ${line}`);
