import type { Outcome } from '../core/outcome.ts';
import { succeeded } from '../core/outcome.ts';
import { ending, Failed, scriptFailure, type Failure } from '../core/failure.ts';
import { ConnectError } from '../fleet/ports.ts';
import { barrier } from './barrier.ts';
import { connectFailure } from './connect-failure.ts';
import type { StepContext } from './context.ts';

/** How often a step is met again on one host. */
export const TIMES = 2;
/** Milliseconds in which a host whose link was lost must be reached again; between two tries a pause that doubles from the first to the last. */
const WITHIN = 30_000;
const FIRST_PAUSE = 500;
const LAST_PAUSE = 4000;
const REACH_DEADLINE = 10_000;
/** Milliseconds in which a lease that could not be renewed may be again, now that the host is back. */
const RENEWED_WITHIN = 10_000;

/** What a person is told of: on which host, in the middle of what. `fence`: of what changes something there; absent: it only reads. */
export interface Meeting {
  readonly host: string;
  readonly say: string;
  readonly fence?: string | undefined;
}

/**
 * Makes a call on one host. Where its link is lost, or no connection can be made any more, nothing is repeated blindly: once the host is
 * reached again and what was in hand there has ended (`reach`), the call is made anew, for every script looks before it acts. At most
 * `TIMES` times: after that, how it ended is returned, or rejected with, as it is.
 */
export async function meet(meeting: Meeting, context: StepContext, call: () => Promise<Outcome>): Promise<Outcome> {
  for (let times = 0; ; times += 1) {
    let outcome: Outcome | undefined;
    let error: unknown;
    try {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is what this is about
      outcome = await call();
    } catch (reason) {
      error = reason;
    }
    const broke = outcome === undefined ? unreached(error) : linkLost(outcome);
    if (broke === undefined || times === TIMES) {
      if (outcome === undefined) throw error;
      return outcome;
    }
    // oxlint-disable-next-line no-await-in-loop
    await reach(meeting, broke, context);
  }
}

/** Why a call did not come to its end on the host. `sent`: it may have begun there. */
export interface Break {
  readonly reason: string;
  readonly sent: boolean;
  readonly remedy?: string;
}

/** How the link of a call was lost; undefined: it was not. What was cut from this side (`here`) is no such thing. */
export const linkLost = (outcome: Outcome): Break | undefined =>
  outcome.kind === 'lost' && outcome.here !== true ? { reason: outcome.reason, sent: true } : undefined;

/** Why no connection could be made, where that may be otherwise in a moment; undefined: it will not be. */
export const unreached = (error: unknown): Break | undefined =>
  error instanceof ConnectError && (error.reason === 'unreachable' || error.reason === 'timed out')
    ? { reason: error.message, sent: false, remedy: error.remedy }
    : undefined;

/**
 * A connection made anew to a host whose link was lost, for up to 30 s; then, where something is changed there, the barrier: what the lost
 * call had in hand has ended. Throws `Failed` where it does not come about, or the lease has lapsed meanwhile.
 */
export async function reach(meeting: Meeting, broke: Break, context: StepContext): Promise<void> {
  const { host, say, fence } = meeting;
  const { clock, emit } = context;
  const what = broke.sent ? 'the link was lost in the middle of' : 'no connection could be made for';
  emit({ type: 'note', text: `${host}: ${what} “${say}” (${broke.reason}): connecting again` });
  const began = clock.ticks();
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LAST_PAUSE)) {
    // oxlint-disable-next-line no-await-in-loop -- the next try comes after the one before
    const still = await knock(meeting, broke, context);
    if (still === undefined) break;
    if (clock.ticks() + pause - began > WITHIN) throw new Failed(gone(meeting, broke, still));
    // oxlint-disable-next-line no-await-in-loop
    await clock.sleep(pause);
  }
  const ended = fence === undefined ? '' : ', what was in hand there has ended';
  const after = `${((clock.ticks() - began) / 1000).toFixed(1)} s`;
  emit({ type: 'note', text: `${host}: connected again after ${after}${ended}: looking again` });
  await leased(meeting, context);
}

/** One try. Returns why the host is still not reached; throws `Failed` where no further try would mend it. */
async function knock(meeting: Meeting, broke: Break, context: StepContext): Promise<Break | undefined> {
  const { host, say, fence } = meeting;
  let outcome: Outcome;
  try {
    outcome = await (fence === undefined ? answers(host, context) : barrier(context, host, context.fence(fence)));
  } catch (error) {
    const still = unreached(error);
    if (still !== undefined) return still;
    const failure = connectFailure(error, say);
    throw new Failed({ ...failure, what: `${broke.reason}; then: ${failure.what}` });
  }
  if (succeeded(outcome)) return undefined;
  if (outcome.kind === 'lost' || (fence === undefined && outcome.kind === 'timed out'))
    return { reason: ending(outcome), sent: true };
  const failure = scriptFailure(host, say, outcome);
  const then = `connected again, but what was in hand there was not seen to end: ${failure.what}`;
  throw new Failed({ ...failure, what: `the link was lost (${broke.reason}); ${then}` });
}

/** Whether the link is there: the host answers. */
export const answers = (host: string, { remote, script }: StepContext): Promise<Outcome> =>
  remote.run({ host, name: 'orchestrate-reach', text: script('reach'), args: [], deadline: REACH_DEADLINE });

function gone({ host, say, fence }: Meeting, broke: Break, still: Break): Failure {
  const seconds = WITHIN / 1000;
  const unknown = fence === undefined ? '' : '; what that has done there is not known, and it may still be at work';
  const look = `See that ${host} is up and can be reached.`;
  return broke.sent
    ? {
        host,
        doing: say,
        what: `the link was lost (${broke.reason}), and no other could be made within ${seconds} s: ${still.reason}${unknown}`,
        output: [],
        next: `${still.remedy ?? look} \`orchestrate status\` tells what is so there; then run the same command again.`,
      }
    : {
        host,
        doing: say,
        what: `${still.reason}; tried again for ${seconds} s`,
        output: [],
        next: still.remedy ?? look,
      };
}

/** Nothing is begun without the lease; where only the lost host kept it from being renewed, it is in a moment. */
async function leased({ host, say }: Meeting, { clock, lapsed }: StepContext): Promise<void> {
  const until = clock.ticks() + RENEWED_WITHIN;
  // oxlint-disable-next-line no-await-in-loop -- looked at again and again
  while (lapsed() !== undefined && clock.ticks() < until) await clock.sleep(500);
  const stop = lapsed();
  if (stop !== undefined)
    throw new Failed({ host, doing: say, what: stop, output: [], next: 'Look with `orchestrate status`.' });
}
