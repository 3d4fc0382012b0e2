import PQueue from 'p-queue';
import type { Plan, Phase, PhaseName, Step, Track } from './core/plan.ts';
import type { Emit } from './core/event.ts';
import type { Failure } from './core/failure.ts';
import { Failed, faultOf } from './core/failure.ts';
import { ConnectError } from './fleet/ports.ts';
import type { StepContext } from './steps/context.ts';
import { allEnded } from './steps/all-ended.ts';
import { connectFailure } from './steps/connect-failure.ts';
import { restFor } from './steps/rest.ts';
import { absentStep } from './steps/absent.ts';
import { runStep } from './steps/run.ts';
import { putStep } from './steps/put.ts';
import { probeStep } from './steps/probe.ts';
import { watchStep } from './steps/watch.ts';

/** How a plan ended: all of it, or at the first phase that failed, once every track of that phase had ended. */
export type RunResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly failures: readonly Failure[]; readonly phase?: PhaseName }
  | { readonly kind: 'stopped'; readonly reason: string };

/** Tells how a plan ended, where it did not end well. */
export function tellEnd(result: RunResult, emit: Emit): void {
  if (result.kind === 'stopped') emit({ type: 'note', text: result.reason });
  if (result.kind === 'failed') for (const failure of result.failures) emit({ type: 'failed', failure });
}

/** Asked before each phase, and before each step of a track: a reason to begin nothing more, or undefined. */
export interface Brakes {
  readonly phase: (next: Phase) => string | undefined;
  readonly step: () => string | undefined;
}

/** Each item, at most so many at once. Rejects with the first error once all that began have ended. */
export async function eachHost<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const queue = new PQueue({ concurrency: atOnce });
  return allEnded(items.map((item) => queue.add(() => work(item))));
}

/** Runs a plan: phases in order, the tracks of a phase side by side, the steps of a track in order. Does not reject: a fault of our own is a failure too, so that the fleet is put back all the same. */
export async function runPlan(plan: Plan, context: StepContext, atOnce: number, brakes: Brakes): Promise<RunResult> {
  try {
    return await runPhases(plan, context, atOnce, brakes);
  } catch (error) {
    return { kind: 'failed', failures: [faultOf(error, plan.title)] };
  }
}

async function runPhases(plan: Plan, context: StepContext, atOnce: number, brakes: Brakes): Promise<RunResult> {
  for (const [index, phase] of plan.phases.entries()) {
    const stop = brakes.phase(phase);
    if (stop !== undefined) return { kind: 'stopped', reason: stop };
    context.emit({
      type: 'phase',
      name: phase.name,
      title: phase.title,
      number: index + 1,
      of: plan.phases.length,
      ...(phase.batch === undefined ? {} : { batch: phase.batch }),
    });
    const failures = await runPhase(phase, context, atOnce, brakes);
    if (failures.length > 0) return { kind: 'failed', failures, phase: phase.name };
    if (phase.rotation !== undefined) context.emit({ type: 'rotation', ...phase.rotation });
  }
  return { kind: 'done' };
}

async function runPhase(phase: Phase, context: StepContext, atOnce: number, brakes: Brakes): Promise<Failure[]> {
  const failures: Failure[] = [];
  await eachHost(phase.tracks, Math.min(atOnce, phase.atOnce ?? atOnce), async (track) => {
    // Those that waited for their turn are not begun once one has failed: there would only be more to put back.
    if (failures.length > 0) return;
    const failure = await runTrack(track, context, brakes);
    if (failure !== undefined) failures.push(failure);
  });
  return failures;
}

async function runTrack(track: Track, context: StepContext, brakes: Brakes): Promise<Failure | undefined> {
  for (const step of track.steps) {
    const told = { type: 'step', host: track.host, say: step.say } as const;
    if (step.when !== undefined && (context.values.get(step.when.value) ?? false) !== step.when.is) {
      context.emit({ ...told, state: 'skipped' });
      continue;
    }
    const stop = brakes.step();
    if (stop !== undefined)
      return { host: track.host, doing: step.say, what: stop, output: [], next: 'Look with `orchestrate status`.' };
    context.emit({ ...told, state: 'started' });
    const began = context.clock.ticks();
    try {
      const note = await runOne(step, context);
      context.emit({
        ...told,
        state: 'done',
        took: context.clock.ticks() - began,
        ...(note === undefined ? {} : { note }),
      });
    } catch (error) {
      context.emit({ ...told, state: 'failed', took: context.clock.ticks() - began });
      return failureOf(error, track, step);
    }
  }
  return undefined;
}

async function runOne(step: Step, context: StepContext): Promise<string | undefined> {
  switch (step.kind) {
    case 'run':
      return runStep(step, context);
    case 'put':
      return putStep(step, context);
    case 'probe':
      return probeStep(step, context);
    case 'watch':
      return watchStep(step, context);
    case 'pause':
      await (step.rest === true ? restFor(step.lasts, context) : context.clock.sleep(step.lasts));
      return undefined;
    case 'absent':
      await absentStep(step, context);
      return undefined;
    case 'together': {
      const [first] = await allEnded(step.steps.map((each) => runOne(each, context)));
      return first;
    }
  }
}

/** Ours to report if it is neither a host's failure nor a lost connection: it is thrown on. */
function failureOf(error: unknown, track: Track, step: Step): Failure {
  if (error instanceof Failed) return error.failure;
  if (error instanceof Error && !(error instanceof ConnectError))
    Object.assign(error, { message: `${track.host}: ${step.say}: ${error.message}` });
  return connectFailure(error, step.say);
}
