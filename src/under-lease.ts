import type { Author } from './core/planning/flip.ts';
import { arming } from './core/planning/split.ts';
import { lingering } from './core/planning/lingering.ts';
import type { Planned } from './core/planning/refusal.ts';
import { unlike } from './core/planning/unlike.ts';
import { Refusal } from './core/failure.ts';
import type { Beginning } from './core/event.ts';
import type { FleetView } from './core/fleet.ts';
import { newestRecord } from './core/fleet.ts';
import type { Phase, Plan } from './core/plan.ts';
import { hostsOf } from './core/plan.ts';
import type { Intent } from './core/record.ts';
import { sentences } from './core/sentences.ts';
import { NO_EVIDENCE } from './core/verdict/ratio.ts';
import { carryOut } from './carrying-out.ts';
import type { Change, ChangeOptions } from './change.ts';
import { hold, type Holding } from './holding.ts';
import type { Opened } from './open.ts';
import { runPlan, tellEnd } from './roll.ts';
import type { StepContext } from './steps/context.ts';
import { emitRotation, hostSummaries, sentenceOf } from './summary.ts';
import type { WindowGuard } from './window-guard.ts';

/** The author of a plan that nobody carries out. */
export const NOBODY = { token: 0, holder: '-' };

/** How a change goes about it, whatever it is. */
export interface Way {
  readonly command: string;
  /** Ticks at which it began. */
  readonly began: number;
  readonly look: () => Promise<FleetView>;
  readonly author: (held: Pick<Holding, 'token' | 'holder'>) => Author;
  /** Throws `Refusal`. */
  readonly planFor: (view: FleetView, author: Author) => Plan;
  /** A plan with what there is to say of windows. */
  readonly noted: (plan: Plan) => Promise<Plan>;
  /** Milliseconds. */
  readonly linger: number;
  /** Absent for what may be done at any time. */
  readonly guard?: WindowGuard;
}

export interface Held extends Way {
  readonly held: Holding;
  /** What was planned before the lease was taken, and the sentences that a person has agreed to. */
  readonly proposed: Plan;
  readonly agreed: string;
  /** What was looked at before the lease was taken. */
  readonly first: FleetView;
}

/** Throws `Refusal`. */
export function planOf(planned: Planned): Plan {
  if (planned.kind === 'planned') return planned.plan;
  throw new Refusal(planned.exit, planned.message, planned.next, planned.details);
}

/** The lease, for a change; undefined: a person asked to stop meanwhile. Rejects with `Refusal`. */
export function takeHold(
  opened: Opened,
  view: FleetView,
  { breaks }: Pick<Change, 'breaks'>,
  { wait, stop }: Pick<ChangeOptions, 'wait' | 'stop'>,
  command: string,
  intent: Intent | null,
): Promise<Holding | undefined> {
  const held = hold(opened, view, {
    command,
    stop,
    ...(intent === null ? {} : { intent }),
    ...(wait === undefined ? {} : { wait }),
    ...(breaks === undefined ? {} : { breaks }),
  });
  return held.catch((error: unknown) => {
    if (stop.aborted) return undefined;
    throw error;
  });
}

/** Looks and plans again under the lease, asks again if the plan differs, and carries it out. Returns the exit code. Gives the lease up. */
export async function underLease(opened: Opened, wanted: Change, options: ChangeOptions, way: Held): Promise<number> {
  const { command, held, proposed, look, author, planFor, noted, guard } = way;
  const { emit } = opened;
  try {
    await options.before?.(beginning(opened, command, held.token, proposed));
    const now = await look();
    const record = newestRecord(now);
    // The lease of one who died, which told what was begun, is ours by now. A record that is newer tells what became of it.
    const same = record?.generation === newestRecord(way.first)?.generation;
    const view = { ...now, begun: record?.intent ?? (same ? way.first.begun : null) };
    const plan = planFor(view, author(held));
    // The question, the lease and the hooks may have taken long.
    const late = await guard?.shut(plan);
    if (late !== undefined) throw late.refusal;
    if (sentences(plan).join('\n') !== way.agreed && !options.yes && !(await options.ask?.(plan))) return 3;

    emit(beginning(opened, command, held.token, plan));
    for (const note of (await noted(plan)).notes) emit({ type: 'note', text: note });
    emitRotation(opened, view);
    return await toItsEnd(
      opened,
      wanted,
      { ...way, stop: options.stop, context: contextOf(opened, held, options.stop) },
      view,
      plan,
    );
  } finally {
    await held.release();
  }
}

/** From a plan to the last word: runs it, sees what came of it, tidies up. Returns the exit code. */
export async function toItsEnd(
  opened: Opened,
  wanted: Change,
  way: Way & { readonly held: Holding; readonly context: StepContext; readonly stop: AbortSignal },
  view: FleetView,
  plan: Plan,
): Promise<number> {
  const { held, author, look, context, stop, guard } = way;
  const { inventory, clock, emit } = opened;
  const ground = { opened, held, author: author(held), look, context, stop, ...(guard === undefined ? {} : { guard }) };
  const tidy = async (phases: readonly Phase[]): Promise<void> => {
    const brakes = { phase: () => held.lapsed(), step: () => held.lapsed() };
    tellEnd(await runPlan({ ...plan, phases }, context, inventory.ssh.concurrency, brakes), emit);
  };
  let exit = await carryOut(ground, wanted, view, plan);
  const end = await look();
  if (exit === 0) {
    const found = unlike(end, plan);
    for (const text of found) emit({ type: 'note', text });
    if (found.length > 0) exit = 4;
    else if (wanted.after !== undefined) await tidy(wanted.after(end, plan));
  }
  // The last thing on each host: any later step there would take what waits for the end of the time for overtaken.
  await tidy(lingering(inventory, end, way.linger));
  await tidy(arming(inventory, end, author(held)));
  emit({
    type: 'finished',
    exit,
    summary: {
      sentence: sentenceOf(exit, plan, end),
      hosts: hostSummaries(opened, end),
      took: clock.ticks() - way.began,
      reloads: context.counts.reloads,
    },
  });
  return exit;
}

export const beginning = (opened: Opened, command: string, number: number, plan: Plan): Beginning => ({
  type: 'began',
  app: opened.inventory.app,
  command,
  by: opened.by,
  number,
  title: plan.title,
  hosts: hostsOf(plan),
  ...(plan.from === undefined ? {} : { from: plan.from }),
  ...(plan.to === undefined ? {} : { to: plan.to }),
});

export function contextOf(opened: Opened, held: Holding, stop: AbortSignal): StepContext {
  return {
    remote: opened.remote,
    probe: opened.probe,
    clock: opened.clock,
    emit: opened.emit,
    script: opened.script,
    archive: opened.archive,
    ...(opened.seal === undefined ? {} : { unseal: opened.seal.open }),
    fence: (folder) => held.fence(folder),
    lapsed: () => held.lapsed(),
    values: new Map(),
    times: new Map(),
    stop,
    counts: { reloads: 0 },
    bake: { evidence: NO_EVIDENCE, at: new Map() },
  };
}
