import { Refusal } from '../core/failure.ts';
import { safeJson } from '../core/printable.ts';
import { lookAt } from '../look-at.ts';
import { open } from '../open.ts';
import { abHead, abLines } from '../tell/ab.ts';
import { abChange, abCounts, abEndChange, lastWindow, openWindow, type AbFlags } from '../verbs/ab.ts';
import type { NowFlags } from '../verbs/guarded.ts';
import { runChange, withFleet, type ChangingFlags } from './listening.ts';

interface ThenFlag {
  readonly then?: 'a' | 'b' | 'ask';
}

/** `orchestrate ab --b REF --until TIME`: opens a window; nobody need watch it. */
export const ab = (flags: ChangingFlags & AbFlags & ThenFlag): Promise<number> =>
  runChange(flags, (opened) =>
    abChange(opened, { ...flags, ...(flags.then === undefined ? {} : { next: flags.then }) }),
  );

/** `orchestrate ab end --then a` */
export const abEnd = (flags: ChangingFlags & NowFlags & ThenFlag): Promise<number> =>
  withFleet(flags, async ({ opened, change }) => {
    const { then } = flags;
    if (then !== 'a' && then !== 'b') throw new Refusal(2, 'To which side?', 'Give --then a, or --then b.');
    openWindow(await lookAt(opened, []));
    return change(() => Promise.resolve(abEndChange(opened, then, flags)));
  });

interface LookFlags {
  readonly inventory?: string;
  readonly json?: boolean;
}

/** `orchestrate ab status`: exit 4 where the end would not come by itself on each balancer, though it is to. */
export async function abStatus(flags: LookFlags): Promise<number> {
  const opened = await open(flags.inventory, () => {});
  try {
    const split = openWindow(await lookAt(opened, []));
    const { armed, unread } = await abCounts(opened, split);
    const missing = opened.inventory.balancers.filter(({ name }) => split.ab.next !== 'ask' && !armed.includes(name));
    const lines = [
      ...abHead(split, undefined),
      ...missing.map(
        ({ name }) =>
          `! ${name} will not end it by itself: ${unread.find(({ balancer }) => balancer === name)?.reason ?? 'a command has stopped in the middle since, or it was started anew. The next command that changes something tells it again'}.`,
      ),
    ];
    process.stdout.write(flags.json === true ? `${safeJson({ split, armed }, 2)}\n` : `${lines.join('\n')}\n`);
    return missing.length > 0 ? 4 : 0;
  } finally {
    await opened.close();
  }
}

/** `orchestrate ab report`: of the window that is open, or of the last one. */
export async function abReport(flags: LookFlags): Promise<number> {
  const opened = await open(flags.inventory, () => {});
  try {
    const { split, ended } = lastWindow(await lookAt(opened, []));
    const { report, unread, full, gaps } = await abCounts(opened, split);
    const notes = [
      ...unread.map(({ balancer, reason }) => `! ${balancer} could not be read, and is not in it: ${reason}`),
      ...(full ? ['! A balancer has counted 200,000 users of one side: those who came later are not in it.'] : []),
      ...(gaps
        ? [
            '! Lines of an access log were lost (a rotation by truncation, or a follower that was started again): they are not in it.',
          ]
        : []),
    ];
    process.stdout.write(
      flags.json === true
        ? `${safeJson({ split, report, unread, full, gaps }, 2)}\n`
        : `${[...abHead(split, ended), '', ...abLines(report), ...notes].join('\n')}\n`,
    );
    return unread.length > 0 ? 4 : 0;
  } finally {
    await opened.close();
  }
}
