import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Watch, type Ended, type Watched } from '../canary-watch.ts';
import { newestRecord } from '../core/fleet.ts';
import { Refusal } from '../core/failure.ts';
import type { Split } from '../core/record.ts';
import { shareOf, splitOf } from '../core/split.ts';
import { safeJson } from '../core/printable.ts';
import type { Verdict } from '../core/verdict/reading.ts';
import { lookAt } from '../look-at.ts';
import { open } from '../open.ts';
import { signalExit } from '../summary.ts';
import { canaryHtml } from '../tell/canary-report.ts';
import { canaryLine } from '../tell/canary.ts';
import { forecast, verdictLines } from '../tell/verdict.ts';
import { clean } from '../tell/words.ts';
import {
  abortChange,
  canaryChange,
  promoteChange,
  shareChange,
  spareChange,
  type Before,
  type CanaryFlags,
} from '../verbs/canary.ts';
import type { NowFlags } from '../verbs/guarded.ts';
import { withFleet, type ChangingFlags, type Listening, type Session } from './listening.ts';

/** Windows between two lines where nobody draws a picture. */
const TOLD_EVERY = 6;
const EXIT: Readonly<Record<Verdict, number>> = { PASS: 0, FAIL: 1, UNDECIDED: 5, 'NO-DATA': 6 };

/** `orchestrate canary 10%`: begins one, and watches it until the verdict. */
export const canary = (
  share: number | undefined,
  flags: ChangingFlags & CanaryFlags & { readonly detach?: boolean },
): Promise<number> =>
  withFleet(flags, async (session) => {
    const { opened } = session;
    const alone = flags.detach === true;
    if (alone && opened.inventory.canary.unwatched === 'abort')
      throw new Refusal(
        2,
        'Nobody would watch it: in 2 minutes the balancers would send everybody back.',
        'Let a service watch it (--server), leave --detach out, or set canary.unwatched: keep.',
      );
    const exit = await session.change(async () => {
      const { change, before, seen } = await canaryChange(opened, share, flags);
      const first = flags.steps?.[0] ?? share ?? opened.inventory.canary.steps[0] ?? opened.inventory.canary.share;
      for (const text of beforehand(session, first, before)) opened.emit({ type: 'note', text });
      return { change, seen };
    });
    return exit !== 0 || flags.dryRun === true || alone ? exit : watching(session, flags);
  });

/** What there is to say before a canary begins. */
function beforehand({ opened }: Session, share: number, { perSecond, requests, errors, top }: Before): string[] {
  const { max_error_rate: bound, false_alarms: falseAlarms } = opened.inventory.canary;
  const rate = requests === 0 ? 0 : errors / requests;
  return [
    ...forecast({ perSecond, share: share / 100, errors: rate }, { bound, falseAlarms }),
    ...(top > 0.2 && requests > 100
      ? [
          `${Math.round(top * 100)} % of the requests come from one address: where that is a proxy or a CDN, Nginx needs its real_ip lines (set_real_ip_from, real_ip_header), or all its users count as one`,
        ]
      : []),
  ];
}

/** `orchestrate canary watch`: goes on watching, from whatever machine. */
export const canaryWatch = (flags: ChangingFlags & NowFlags): Promise<number> =>
  withFleet(flags, (session) => watching(session, flags));

/** Watches the canary that lives, if one does, and does what its verdict asks for. Returns the exit code. */
async function watching(session: Session, flags: ChangingFlags & NowFlags): Promise<number> {
  const { opened } = session;
  const view = await lookAt(opened, []);
  const split = splitOf(newestRecord(view));
  if (split === null) return 0;
  notAb(split);
  const watch = new Watch(opened, view, split);
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- what comes next depends on what was found
    const next = await once(session, flags, watch);
    if (next !== undefined) return next;
  }
}

/** Until something was decided and done. Undefined: the canary goes on. */
async function once(session: Session, flags: ChangingFlags & NowFlags, watch: Watch): Promise<number | undefined> {
  const { opened } = session;
  const yes = { yes: true };
  const ended = await session.listen((listening) => watched(opened, flags, watch, listening));
  if (ended.kind === 'stopped') return ended.exit;
  const { split } = ended.watched;
  if (ended.kind === 'gone') {
    say([
      `The canary of ${split.canary} is over: somebody has ended it, or the balancers have sent everybody back since nobody watched.`,
    ]);
    report(ended.watched);
    return 4;
  }
  if (ended.kind === 'unwell') {
    say([`${ended.says}.`]);
    if (!ended.all) {
      const done = await session.change(() => Promise.resolve(spareChange(opened, ended.hosts)), yes);
      if (done !== 0) return done;
      if (await watch.changed()) return undefined;
      report(ended.watched);
      return EXIT.FAIL;
    }
    const exit = await session.change(() => Promise.resolve(abortChange(opened, 'canary abort (unwell)')), yes);
    report(ended.watched);
    return exit === 0 ? 1 : exit;
  }
  const { decision } = ended;
  if (decision.kind === 'abort') {
    const exit = await session.change(() => Promise.resolve(abortChange(opened, 'canary abort (FAIL)')), yes);
    report(ended.watched);
    return exit === 0 ? EXIT.FAIL : exit;
  }
  if (decision.kind === 'climb') {
    const exit = await session.change(
      () => Promise.resolve(shareChange(opened, `canary share ${decision.share}%`, decision.share)),
      yes,
    );
    if (exit !== 0) return exit;
    return (await watch.changed()) ? undefined : 4;
  }
  report(ended.watched);
  const wanted =
    decision.verdict === 'PASS' && split.promote === 'auto' ? 'promote' : await asked(flags, decision.verdict);
  if (wanted === 'promote') {
    const exit = await session.change(() => Promise.resolve(promoteChange(opened, flags)), yes);
    return exit;
  }
  if (wanted === 'abort') {
    const exit = await session.change(() => Promise.resolve(abortChange(opened)), yes);
    return exit === 0 ? EXIT[decision.verdict] : exit;
  }
  leftAsItIs(split);
  return EXIT[decision.verdict];
}

type Found = Exclude<Ended, { kind: 'stopped' }> | { readonly kind: 'stopped'; readonly exit: number };

async function watched(
  opened: Session['opened'],
  flags: ChangingFlags,
  watch: Watch,
  { options: { stop } }: Listening,
): Promise<Found> {
  let told = -TOLD_EVERY;
  const picture = process.stdout.isTTY && flags.json !== true;
  const ended = await watch.untilDecided((now) => {
    if (now.windows === told || (!picture && flags.json !== true && now.windows - told < TOLD_EVERY)) return;
    told = now.windows;
    opened.emit({ type: 'canary', ...stateOf(now) });
  }, stop);
  if (ended.kind !== 'stopped') return ended;
  report(ended.watched);
  leftAsItIs(ended.watched.split);
  return { kind: 'stopped', exit: signalExit(stop) };
}

function stateOf({ split, course, reading }: Watched) {
  const { times } = course.judge;
  return {
    release: split.canary,
    baseline: split.baseline,
    share: shareOf(split),
    lasted: times === undefined ? 0 : times.last - times.step,
    hold: split.hold / 1000,
    reading,
  };
}

const say = (lines: readonly string[]): void => void process.stderr.write(`${lines.map(clean).join('\n')}\n`);

const report = ({ reading, course }: Watched): void => say(['', ...verdictLines(reading, course), '']);

function leftAsItIs(split: Split): void {
  say([
    `The canary goes on: ${split.share} % of the users meet ${split.canary}. ${
      split.unwatched === 'abort'
        ? 'Nobody watches it now: in 2 minutes the balancers send everybody back.'
        : 'Nobody watches it now.'
    }`,
    '  orchestrate canary watch      goes on watching',
    '  orchestrate canary promote    takes everybody over',
    '  orchestrate canary abort      sends everybody back',
  ]);
}

/** What a person wants; where there is nobody to ask, it stays as it is. */
async function asked(flags: ChangingFlags, verdict: Verdict): Promise<'promote' | 'abort' | 'leave'> {
  if (!process.stdin.isTTY || !process.stdout.isTTY || flags.json === true) return 'leave';
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = (await terminal.question(`${verdict}. [p]romote, [a]bort, or leave it as it is? `))
      .trim()
      .toLowerCase();
    return answer.startsWith('p') ? 'promote' : answer.startsWith('a') ? 'abort' : 'leave';
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') return 'leave';
    throw error;
  } finally {
    terminal.close();
  }
}

/** `orchestrate canary share 25%` */
export const canaryShare = (share: number, flags: ChangingFlags): Promise<number> =>
  withFleet(flags, ({ change, opened }) =>
    change(() => Promise.resolve(shareChange(opened, `canary share ${share}%`, share))),
  );

/** `orchestrate canary pause` */
export const canaryPause = (flags: ChangingFlags): Promise<number> =>
  withFleet(flags, ({ change, opened }) => change(() => Promise.resolve(shareChange(opened, 'canary pause', 0))));

/** `orchestrate canary continue`: the share of before, and somebody who watches. */
export const canaryContinue = (flags: ChangingFlags & NowFlags): Promise<number> =>
  withFleet(flags, async (session) => {
    const { opened } = session;
    const split = splitOf(newestRecord(await lookAt(opened, [])));
    if (split === null) throw new Refusal(3, 'No canary lives.', '`orchestrate canary 10%` begins one.');
    const exit = await session.change(() => Promise.resolve(shareChange(opened, 'canary continue', split.share)));
    return exit === 0 && flags.dryRun !== true ? watching(session, flags) : exit;
  });

/** `orchestrate canary promote` */
export const canaryPromote = (flags: ChangingFlags & NowFlags): Promise<number> =>
  withFleet(flags, ({ change, opened }) => change(() => Promise.resolve(promoteChange(opened, flags))));

/** `orchestrate canary abort` */
export const canaryAbort = (flags: ChangingFlags): Promise<number> =>
  withFleet(flags, ({ change, opened }) => change(() => Promise.resolve(abortChange(opened))));

interface LookFlags {
  readonly inventory?: string;
  readonly json?: boolean;
}

/** `orchestrate canary status`: where it has come to, without watching it. */
export async function canaryStatus(flags: LookFlags): Promise<number> {
  const opened = await open(flags.inventory, () => {});
  try {
    const view = await lookAt(opened, []);
    const split = splitOf(newestRecord(view));
    if (split === null) {
      process.stdout.write(flags.json === true ? 'null\n' : 'No canary lives.\n');
      return 0;
    }
    notAb(split);
    const watch = new Watch(opened, view, split, 'read');
    await lookWhole(watch);
    const state = stateOf(watch.watched);
    const lines = [
      `${split.by} began \`${split.command}\` at ${split.at}${split.paused === true ? '; it is paused' : ''}.`,
      canaryLine(state),
    ];
    process.stdout.write(
      flags.json === true ? `${safeJson({ split, ...state })}\n` : `${lines.map(clean).join('\n')}\n`,
    );
    return EXIT[watch.watched.reading.verdict];
  } finally {
    await opened.close();
  }
}

/** `orchestrate canary report`: of the canary that lives, or of the last one. */
export async function canaryReport(flags: LookFlags & { readonly html?: string }): Promise<number> {
  const opened = await open(flags.inventory, () => {});
  try {
    const view = await lookAt(opened, []);
    const record = newestRecord(view);
    const over = record?.split === undefined ? record?.ended : undefined;
    const last = record?.split ?? over;
    if (last === undefined) throw new Refusal(3, 'There was no canary yet.', '`orchestrate canary 10%` begins one.');
    notAb(last);
    const watch = new Watch(opened, view, last, 'read');
    await lookWhole(watch);
    const { watched: now } = watch;
    const how = over === undefined ? '' : `; it was ${HOW[over.how]} at ${over.over}`;
    const head = `${last.canary} beside ${last.baseline}, ${last.share} % of the users at the end. ${last.by} began \`${last.command}\` at ${last.at}${how}.`;
    if (flags.html !== undefined) {
      const { reading, points } = now;
      const lines = verdictLines(reading, now.course);
      await writeFile(flags.html, canaryHtml({ app: opened.inventory.app, head, lines, points, reading }));
      process.stderr.write(`${clean(flags.html)} shows it.\n`);
    }
    process.stdout.write(
      flags.json === true
        ? `${safeJson({ split: last, reading: now.reading, points: now.points })}\n`
        : `${[head, '', ...verdictLines(now.reading, now.course)].map(clean).join('\n')}\n`,
    );
    return 0;
  } finally {
    await opened.close();
  }
}

/** Throws `Refusal` (exit 3): an A/B window is judged by nobody, and told of elsewhere. */
function notAb({ ab }: Pick<Split, 'ab'>): void {
  if (ab !== undefined)
    throw new Refusal(
      3,
      'That is an A/B window, and no canary.',
      '`orchestrate ab status` and `orchestrate ab report` tell of it.',
    );
}

/** All that was added up: what one look brings has a bound. */
async function lookWhole(watch: Watch): Promise<void> {
  for (let before = -1; watch.watched.windows > before;) {
    before = watch.watched.windows;
    // oxlint-disable-next-line no-await-in-loop -- each look goes on from the one before
    await watch.look();
  }
}

const HOW = {
  ended: 'ended',
  promoted: 'promoted',
  aborted: 'aborted',
  unwatched: 'ended by the balancers, since nobody watched,',
} as const;
