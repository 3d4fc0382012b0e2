import type { Call, WatchStep } from '../core/plan.ts';
import type { StepContext } from './context.ts';
import { LOG_END, parseBakeCounts, strataOf, type Slice } from '../core/bake.ts';
import { Failed, scriptFailure } from '../core/failure.ts';
import { succeeded } from '../core/outcome.ts';
import { meet } from './again.ts';
import { allEnded } from './all-ended.ts';
import { restFor } from './rest.ts';
import { isWorse, lnERatio, withCounts } from '../core/verdict/ratio.ts';

/** The chance that a good release fails its whole roll by this, however often one looks. */
const ALPHA = 0.01;
/** Milliseconds between two looks. */
const LOOK = 5000;
/** Milliseconds after it came back in which a backend is left out: caches are cold, connections new. */
const WARMING = 10_000;

/**
 * Lets time pass and holds the errors of the new release against those of the old one, in the same slices of time on the same balancer.
 * Throws `Failed` when the evidence reaches the bound. The evidence goes on through the whole roll.
 */
export async function watchStep(step: WatchStep, context: StepContext): Promise<string | undefined> {
  const end = context.clock.ticks() + step.lasts;
  for (;;) {
    const counted = await allEnded(step.calls.map((call) => look(step, call, context)));
    for (const slices of counted)
      for (const stratum of strataOf(slices, (address, epoch) => arm(step, address, epoch, context)))
        context.bake.evidence = withCounts(context.bake.evidence, stratum);
    if (isWorse(context.bake.evidence, ALPHA)) throw new Failed(worse(step, context));
    const left = end - context.clock.ticks();
    if (left <= 0 || context.stop.aborted) return undefined;
    await restFor(Math.min(LOOK, left), context);
  }
}

/** What one balancer's log shows since the last look; at the first one nothing, it only marks the place. */
async function look(step: WatchStep, call: Call, context: StepContext): Promise<readonly Slice[]> {
  const at = context.bake.at.get(call.host) ?? LOG_END;
  const outcome = await meet({ host: call.host, say: step.say }, context, () =>
    context.remote.run({
      host: call.host,
      name: `orchestrate-${step.script}`,
      text: context.script(step.script),
      args: [...call.args, ...at, 'whole'],
      deadline: step.deadline,
    }),
  );
  if (!succeeded(outcome)) throw new Failed(scriptFailure(call.host, step.say, outcome));
  const read = parseBakeCounts(outcome.stdout);
  if ('problem' in read)
    throw new Failed({
      host: call.host,
      doing: step.say,
      what: read.problem,
      output: [],
      next: 'Look at nginx.access_log there.',
    });
  context.bake.at.set(call.host, read.at);
  return read.slices;
}

function arm(step: WatchStep, address: string, epoch: number, context: StepContext): 'new' | 'old' | undefined {
  const fresh = step.fresh.find((each) => each.address === address);
  if (fresh === undefined) return step.old.includes(address) ? 'old' : undefined;
  const since = Date.parse(context.times.get(String(fresh.since)) ?? '');
  return epoch * 1000 >= since + WARMING ? 'new' : undefined;
}

function worse(step: WatchStep, context: StepContext) {
  return {
    host: step.fresh.map(({ address }) => address).join(', '),
    doing: step.say,
    what: `the new release answers more requests with errors: evidence ${Math.round(Math.exp(Math.min(40, lnERatio(context.bake.evidence))))} to 1, where ${1 / ALPHA} to 1 decides`,
    output: [],
    next: "Look for the lines with status 500 to 599 in the balancers' access logs, and at the application's log on the hosts above.",
  };
}
