import type { Author } from './core/planning/flip.ts';
import { inHand } from './core/planning/hand.ts';
import { planRest } from './core/planning/rest.ts';
import type { Planned } from './core/planning/refusal.ts';
import { divided } from './core/planning/unlike.ts';
import { newestRecord, type FleetView } from './core/fleet.ts';
import type { Phase, PhaseName, Plan } from './core/plan.ts';
import type { Intent } from './core/record.ts';
import type { Holding } from './holding.ts';
import { putRight } from './putting-right.ts';
import type { Opened } from './open.ts';
import { runPlan, tellEnd, type RunResult } from './roll.ts';
import type { StepContext } from './steps/context.ts';
import { signalExit } from './summary.ts';
import type { WindowGuard } from './window-guard.ts';

/** What becomes of a fleet whose roll fails. */
export interface Policy {
  /** rollback: back to one version · halt: no further batch · skip: on without the host, up to `maxFailures` of them. */
  readonly kind: 'rollback' | 'halt' | 'skip';
  readonly maxFailures: number;
}

/** How a command is planned, and what to do if it fails half-way. */
export interface Course {
  /** Pure. `aside`: backends to leave as they are. */
  readonly plan: (view: FleetView, author: Author, aside: ReadonlySet<string>) => Planned;
  /**
   * The plan that puts the fleet back, from what is seen after the failure, without the backends that did not come back when it was tried;
   * absent: nothing to put back. Pure.
   */
  readonly back?: (view: FleetView, author: Author, failed: Plan, givenUp: ReadonlySet<string>) => Planned;
  /** Default: rollback. */
  readonly policy?: Policy;
  /** What is tidied up once all is well; that it fails is told, and takes nothing back. Pure. */
  readonly after?: (view: FleetView, done: Plan) => readonly Phase[];
  /**
   * Why the release before may not come back after what was run so far, or was by those who began it (a migration that is not additive);
   * undefined: it may.
   */
  readonly mayNotGoBack?: (values: ReadonlyMap<string, boolean>, before: FleetView, failed: Plan) => string | undefined;
}

export interface Ground {
  readonly opened: Opened;
  readonly held: Holding;
  readonly author: Author;
  readonly look: () => Promise<FleetView>;
  readonly context: StepContext;
  /** Aborted by the first Ctrl-C or SIGTERM, with the signal's name as its reason. */
  readonly stop: AbortSignal;
  /** Absent for what may be done at any time. */
  readonly guard?: WindowGuard;
}

/** Phases in which a host may fail for itself. */
const OF_HOSTS: readonly PhaseName[] = ['ship', 'start', 'batch'];
/** Phases in which no backend has left rotation yet, and no user has met the new release. */
const BEFORE: readonly PhaseName[] = ['check', 'build', 'ship', 'rehearse', 'publish', 'migrate', 'start'];

/**
 * Runs a plan, and does what the policy asks for if it fails, or if no window is open any more: back to one version, at rest where it is, or
 * on without the hosts that failed. Returns the exit code. Does not reject.
 */
export async function carryOut(ground: Ground, course: Course, before: FleetView, first: Plan): Promise<number> {
  const { opened, held, context, stop, guard } = ground;
  const { emit, inventory } = opened;
  const { policy = { kind: 'rollback', maxFailures: 0 } } = course;
  const byPersons = outByPersons(before);
  const aside = new Set(first.aside);
  let plan = first;
  // oxlint-disable no-await-in-loop -- each plan stands on what the one before has done
  for (;;) {
    const brake = guard?.brake();
    let closed = false;
    const result = await runPlan(plan, context, inventory.ssh.concurrency, {
      phase: (next) => {
        const stopped = stop.aborted ? 'You asked to stop: nothing further was begun.' : held.lapsed();
        if (stopped !== undefined) return stopped;
        const why = brake?.(next);
        closed = why !== undefined;
        return why;
      },
      step: () => held.lapsed(),
    });
    if (stop.aborted && whileStaging(result)) {
      emit({
        type: 'note',
        text: 'You asked to stop: what was being staged is left half-made, and is met again or pruned.',
      });
      return signalExit(stop);
    }
    tellEnd(result, emit);
    if (result.kind === 'done') return aside.size > 0 ? 4 : 0;
    if (result.kind === 'failed' && result.phase === 'check') return 3;
    if (held.lapsed() !== undefined) return 4;
    if (stop.aborted && result.kind === 'stopped') {
      await rest(ground, new Set());
      return signalExit(stop);
    }
    const failed = failedBackends(result, inventory.build.builder, opened);
    const skips = failed.length > 0 && (policy.kind === 'skip' || failed.every((name) => byPersons.has(name)));
    if (skips) for (const name of failed) aside.add(name);
    const counted = [...aside].filter((name) => !byPersons.has(name)).length;
    if (skips && counted <= policy.maxFailures) {
      const next = await without(ground, course, aside, plan);
      if (next !== undefined) {
        plan = next;
        continue;
      }
    }
    const goesBack = (closed ? inventory.windows_on_close : policy.kind) === 'rollback';
    const stays = closed && !goesBack ? undefined : course.mayNotGoBack?.(context.values, before, plan);
    if (stays !== undefined) emit({ type: 'note', text: stays });
    const switched = result.kind !== 'failed' || result.phase === undefined || !BEFORE.includes(result.phase);
    if (stays !== undefined || (switched && !goesBack)) {
      await rest(ground, new Set([...aside, ...failed]));
      return 4;
    }
    const code = await goBack(ground, course, plan);
    return code === 1 && stop.aborted ? signalExit(stop) : code;
  }
  // oxlint-enable no-await-in-loop
}

/** Whether a phase ended in which steps may be left in the middle: no backend has left rotation. */
const whileStaging = (result: RunResult): boolean =>
  result.kind === 'failed' && (result.phase === 'build' || result.phase === 'ship' || result.phase === 'rehearse');

/** Those whose own failure it was, of which a roll may go on without each; none: it was something that concerns all. */
function failedBackends(result: RunResult, builder: string, { inventory }: Opened): string[] {
  if (result.kind !== 'failed' || !OF_HOSTS.includes(result.phase ?? 'check')) return [];
  const names = result.failures.map(({ host }) => host);
  const single = (name: string): boolean =>
    (name !== builder || result.phase !== 'ship') && inventory.backends.some((backend) => backend.name === name);
  return names.every(single) ? [...new Set(names)] : [];
}

function outByPersons(view: FleetView): Set<string> {
  const known = Object.entries(newestRecord(view)?.backends ?? {});
  return new Set(
    known.flatMap(([name, { rotation, reason }]) => (rotation === 'out' && !inHand(reason) ? [name] : [])),
  );
}

/** The rest of the way without some backends; undefined: there is none, and why was told. */
async function without(
  ground: Ground,
  course: Course,
  aside: ReadonlySet<string>,
  { intent }: Plan,
): Promise<Plan | undefined> {
  const { opened, author, look } = ground;
  const names = [...aside].join(', ');
  opened.emit({ type: 'note', text: `Going on without ${names}.` });
  if ((await rest(ground, aside, intent)) === undefined) return undefined;
  const planned = course.plan(await look(), author, aside);
  if (planned.kind === 'planned') return { ...planned.plan, aside: [...aside] };
  opened.emit({ type: 'note', text: [planned.message, ...planned.details].join(' ') });
  return undefined;
}

/** What is in hand comes back into rotation as it is; what failed stays out. `intent`: what goes on after that, though no flip has told it yet. */
function rest(ground: Ground, failed: ReadonlySet<string>, intent?: Intent): Promise<FleetView | undefined> {
  const { opened, held, author, look } = ground;
  return putRight(opened, held, {
    doing: 'bring the fleet to rest',
    tell: (title) => ({ type: 'note', text: `Coming to rest: ${title}.` }),
    plan: (seen, givenUp) => {
      const view = { ...seen, begun: seen.begun ?? intent ?? null };
      return planRest(opened.inventory, view, new Set([...failed, ...givenUp]), author);
    },
    look,
    context: ground.context,
  });
}

async function goBack(ground: Ground, { back }: Course, failed: Plan): Promise<number> {
  const { opened, held, author, look } = ground;
  if (back === undefined) return 1;
  const end = await putRight(opened, held, {
    doing: 'go back to one version',
    tell: (title) => ({ type: 'going back', title }),
    plan: (view, givenUp) => back(view, author, failed, givenUp),
    look,
    context: { ...ground.context, stop: new AbortController().signal, values: new Map(), times: new Map() },
  });
  if (end === undefined) return 4;
  const left = divided(end);
  for (const text of left) opened.emit({ type: 'note', text });
  return left.length > 0 ? 4 : 1;
}
