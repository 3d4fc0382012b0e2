import type { AbsentStep } from '../core/plan.ts';
import { ConnectError } from '../fleet/ports.ts';
import { Failed } from '../core/failure.ts';
import type { StepContext } from './context.ts';

/** Reasons of a host that was not there; a login that is refused, or another key, is an answer. */
const AWAY: readonly ConnectError['reason'][] = ['unreachable', 'timed out'];

/** Returns once it is seen that the host does not answer, or has not within the deadline. Throws `Failed` when it does. */
export async function absentStep(step: AbsentStep, context: StepContext): Promise<void> {
  const call = { host: step.host, name: 'orchestrate-absent', text: ':', args: [], deadline: step.deadline };
  const asked = context.remote.run(call).then(
    () => true,
    (error: unknown) => {
      if (!(error instanceof ConnectError)) throw error;
      return !AWAY.includes(error.reason);
    },
  );
  const late = new AbortController();
  const waited = context.clock.sleep(step.deadline, late.signal).then(
    () => false,
    () => false,
  );
  const answers = await Promise.race([asked, waited]).finally(() => late.abort());
  // What comes of it after that is nobody's concern.
  asked.catch(() => {});
  if (!answers) return;
  throw new Failed({
    host: step.host,
    doing: step.say,
    what: `${step.host} answers, so it may send to backends that are about to be stopped`,
    output: [],
    next: 'Run the same command again without --without-balancer: it takes part then, and catches up first.',
  });
}
