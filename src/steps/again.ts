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
    const why = outcome === undefined ? unreached(error) : linkLost(outcome);
    if (why === undefined || times === TIMES) {
      if (outcome === undefined) throw error;
      return outcome;
    }
    // oxlint-disable-next-line no-await-in-loop
    await reach(meeting, why, context);
  }
}

/** Why the link of a call was lost; undefined: it was not. What was cut from this side (`here`) is no such thing. */
export const linkLost = (outcome: Outcome): string | undefined =>
  outcome.kind === 'lost' && outcome.here !== true ? outcome.reason : undefined;

/** Why no connection could be made, where that may be otherwise in a moment; undefined: it will not be. */
export const unreached = (error: unknown): string | undefined =>
  error instanceof ConnectError && (error.reason === 'unreachable' || error.reason === 'timed out')
    ? error.message
    : undefined;

/**
 * A connection made anew to a host whose link was lost, for up to 30 s; then, where something is changed there, the barrier: what the lost
 * call had in hand has ended. Throws `Failed` where it does not come about, or the lease has lapsed meanwhile.
 */
export async function reach(meeting: Meeting, why: string, context: StepContext): Promise<void> {
  const { host, say, fence } = meeting;
  const { clock, emit } = context;
  emit({ type: 'note', text: `${host}: the link was lost in the middle of “${say}” (${why}): connecting again` });
  const began = clock.ticks();
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LAST_PAUSE)) {
    // oxlint-disable-next-line no-await-in-loop -- the next try comes after the one before
    const still = await knock(meeting, why, context);
    if (still === undefined) break;
    if (clock.ticks() + pause - began > WITHIN) throw new Failed(gone(meeting, why, still));
    // oxlint-disable-next-line no-await-in-loop
    await clock.sleep(pause);
  }
  const ended = fence === undefined ? '' : ', what was in hand there has ended';
  const after = `${((clock.ticks() - began) / 1000).toFixed(1)} s`;
  emit({ type: 'note', text: `${host}: connected again after ${after}${ended}: looking again` });
  await leased(meeting, context);
}

/** One try. Returns why the host is still not reached; throws `Failed` where no further try would mend it. */
async function knock(meeting: Meeting, why: string, context: StepContext): Promise<string | undefined> {
  const { host, say, fence } = meeting;
  let outcome: Outcome;
  try {
    outcome = await (fence === undefined ? answers(host, context) : barrier(context, host, context.fence(fence)));
  } catch (error) {
    const still = unreached(error);
    if (still !== undefined) return still;
    const failure = connectFailure(error, say);
    throw new Failed({ ...failure, what: `the link was lost (${why}); then: ${failure.what}` });
  }
  if (succeeded(outcome)) return undefined;
  if (linkLost(outcome) !== undefined || (fence === undefined && outcome.kind === 'timed out')) return ending(outcome);
  const failure = scriptFailure(host, say, outcome);
  throw new Failed({
    ...failure,
    what: `the link was lost (${why}); it is there again, but not the end of what was in hand: ${failure.what}`,
  });
}

/** Whether the link is there: the host answers. */
export const answers = (host: string, { remote, script }: StepContext): Promise<Outcome> =>
  remote.run({ host, name: 'orchestrate-reach', text: script('reach'), args: [], deadline: REACH_DEADLINE });

function gone({ host, say, fence }: Meeting, why: string, still: string): Failure {
  const unknown = fence === undefined ? '' : ' What that has done there is not known, and it may still be at work.';
  return {
    host,
    doing: say,
    what: `the link was lost (${why}), and the host could not be reached again within ${WITHIN / 1000} s: ${still}.${unknown}`,
    output: [],
    next: `See that ${host} is up and can be reached; \`orchestrate status\` tells what is so there, then run the same command again.`,
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
