import type { WatchStep } from '../core/plan.ts';
import type { StepContext } from './context.ts';

/** Filled in with the balancer's log counts. */
export async function watchStep(step: WatchStep, context: StepContext): Promise<string | undefined> {
  await context.clock.sleep(step.lasts);
  return undefined;
}
