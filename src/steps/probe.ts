import type { ProbeStep } from '../core/plan.ts';
import type { ProbeAnswer } from '../fleet/ports.ts';
import type { StepContext } from './context.ts';
import { allEnded } from './all-ended.ts';
import { socketOf } from '../core/address.ts';
import { answers, linkLost, reach, unreached, type Break } from './again.ts';
import { ending, Failed, head, healthRemedy, printable, tail } from '../core/failure.ts';

/** A port that refuses is looked at more often than one that answers wrongly: what is just starting begins to listen within a moment. */
const REFUSED_INTERVAL = 50;

/** Asks from every place until each has had `consecutive` wanted answers in a row. Throws `Failed` at the deadline, with the last answer told. */
export async function probeStep(step: ProbeStep, context: StepContext): Promise<string | undefined> {
  const places = step.through.length === 0 ? [undefined] : step.through;
  const began = context.clock.ticks();
  await allEnded(
    places.flatMap((through) => Array.from({ length: step.parallel }, () => untilWanted(step, through, context))),
  );
  return step.status === 'any'
    ? undefined
    : `${step.consecutive} × ${step.status}, ${context.clock.ticks() - began < 1000 ? 'at once' : `after ${((context.clock.ticks() - began) / 1000).toFixed(1)} s`}`;
}

async function untilWanted(step: ProbeStep, through: string | undefined, context: StepContext): Promise<void> {
  let end = context.clock.ticks() + step.deadline;
  let inARow = 0;
  let reached = false;
  for (;;) {
    const answer = await context.probe.ask({
      ...(through === undefined ? {} : { through }),
      address: step.address,
      port: step.port,
      path: step.path,
      host: step.hostHeader,
      headers: step.headers,
      timeout: step.timeout,
    });
    inARow = wanted(step, answer) ? inARow + 1 : 0;
    if (inARow >= step.consecutive) return;
    const wait = answer.kind === 'no answer' ? Math.min(REFUSED_INTERVAL, step.interval) : step.interval;
    if (context.clock.ticks() + wait > end) {
      const lost =
        reached || through === undefined || answer.kind === 'answered' ? undefined : await gone(through, context);
      if (through === undefined || lost === undefined) throw new Failed(await failure(step, through, answer, context));
      await reach({ host: through, say: step.say }, lost, context);
      reached = true;
      end = context.clock.ticks() + step.deadline;
    }
    await context.clock.sleep(wait);
  }
}

/** Why it is not the asked one that does not answer, but the link through which it is asked; undefined: the link is there. */
async function gone(through: string, context: StepContext): Promise<Break | undefined> {
  try {
    const outcome = await answers(through, context);
    return outcome.kind === 'timed out' ? { reason: ending(outcome), sent: true } : linkLost(outcome);
  } catch (error) {
    return unreached(error);
  }
}

function wanted(step: ProbeStep, answer: ProbeAnswer): boolean {
  if (answer.kind === 'no answer') return false;
  return (
    (step.status === 'any' || answer.status === step.status) &&
    (step.body === undefined || answer.body.includes(step.body))
  );
}

async function failure(step: ProbeStep, through: string | undefined, answer: ProbeAnswer, context: StepContext) {
  const from = through === undefined ? 'this machine' : through;
  const url = `http://${socketOf(step.address, step.port)}${step.path}`;
  return {
    host: step.host,
    doing: step.say,
    what: `asked from ${from}, ${url} (Host: ${step.hostHeader}) ${told(step, answer)}`,
    output: [
      ...under('the answer began:', answer.kind === 'answered' ? head(answer.body, 8) : []),
      ...under("the end of the application's log:", await log(step, context)),
    ],
    next: advice(step, answer),
  };
}

function told(step: ProbeStep, answer: ProbeAnswer): string {
  if (answer.kind === 'no answer') return `did not answer: ${answer.reason}`;
  const to = answer.location === undefined ? '' : ` to ${printable(answer.location)}`;
  const body = step.body !== undefined && answer.status === step.status ? `, not holding ${step.body}` : '';
  return `answered ${answer.status}${to}${body}; wanted ${step.status}`;
}

const under = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : [title, ...lines]);

function advice(step: ProbeStep, answer: ProbeAnswer): string {
  if (step.log === undefined) return '`orchestrate check` looks at what Nginx has loaded and what its workers serve.';
  if (answer.kind === 'answered') return healthRemedy(answer.status);
  return [healthRemedy(undefined), ...(step.hint === undefined ? [] : [step.hint])].join(' ');
}

async function log(step: ProbeStep, context: StepContext): Promise<string[]> {
  if (step.log === undefined) return [];
  const { script, call } = step.log;
  try {
    const outcome = await context.remote.run({
      host: call.host,
      name: `orchestrate-${script}`,
      text: context.script(script),
      args: call.args,
      deadline: 5000,
    });
    return tail(outcome.stdout);
  } catch {
    return [];
  }
}
