import type { Event } from '../core/event.ts';
import { Refusal } from '../core/failure.ts';
import type { Opened } from '../open.ts';
import type { Guarded } from '../window-guard.ts';
import { listHistory, showHistory } from './history.ts';

/** A person's word that windows and freezes are to be left aside. */
export interface NowFlags {
  readonly now?: boolean;
  readonly reason?: string;
}

/** Characters of a reason. */
const LONGEST = 200;
/** Commands among which earlier rolls are looked for, and rolls that an estimate stands on. */
const COMMANDS = 50;
const ROLLS = 3;

/** What a roll has to do with windows and freezes. Throws `Refusal` (exit 2) for a word without a reason, and the reverse. */
export function guardedBy(opened: Opened, { now = false, reason }: NowFlags): Guarded {
  const why = reason?.trim() ?? '';
  if (now && why === '')
    throw new Refusal(
      2,
      '--now needs a --reason.',
      'Say why: --now --reason "the shop is down". It is kept in the history.',
    );
  if (!now && reason !== undefined)
    throw new Refusal(2, '--reason is for --now.', 'Give both to leave windows and freezes aside, or neither.');
  if (why.length > LONGEST)
    throw new Refusal(2, `--reason has ${why.length} characters; ${LONGEST} is the most.`, 'Give a shorter one.');
  return { earlier: () => earlierRolls(opened), ...(now ? { override: why } : {}) };
}

/** As the command is told to others: that windows and freezes were left aside, and why. */
export const saidBy = ({ override }: Guarded): string =>
  override === undefined ? '' : ` --now --reason ${JSON.stringify(override)}`;

/** The newest rolls that ended well, as the balancers tell them; none where no balancer can be asked: an estimate is no reason to fail. */
async function earlierRolls(opened: Opened): Promise<(readonly Event[])[]> {
  try {
    const { commands } = await listHistory(opened, COMMANDS);
    const rolls = commands.filter(
      (past) => past.state === 'ended' && past.exit === 0 && /^(roll|resume of `roll) /.test(past.command ?? ''),
    );
    const told = await Promise.all(rolls.slice(0, ROLLS).map(({ number }) => showHistory(opened, number)));
    return told.map(({ events }) => events);
  } catch (error) {
    if (error instanceof Refusal) return [];
    throw error;
  }
}
