import type { Author } from './core/planning/flip.ts';
import type { Planned } from './core/planning/refusal.ts';
import type { Phase, Plan } from './core/plan.ts';
import { unlike } from './core/planning/unlike.ts';
import type { FleetView } from './core/fleet.ts';
import { faultOf, Refusal } from './core/failure.ts';
import type { HostSummary } from './core/event.ts';
import { hostsOf } from './core/plan.ts';
import { newestRecord } from './core/fleet.ts';
import { sentences } from './core/sentences.ts';
import { NO_EVIDENCE } from './core/verdict.ts';
import { viewOf } from './core/view.ts';
import { hold, type Holding } from './holding.ts';
import { observe } from './observe.ts';
import { goBack } from './going-back.ts';
import { runPlan, tellEnd } from './roll.ts';
import type { StepContext } from './steps/context.ts';
import type { Opened } from './open.ts';

/** A change to the fleet, whatever the verb: how to plan it, and what to do if it fails half-way. */
export interface Change {
  /** As typed, for records and for those who find the lease taken. */
  readonly command: string;
  /** Pure. */
  readonly plan: (view: FleetView, author: Author) => Planned;
  /**
   * The plan that puts the fleet back, from what is seen after the failure, without the backends that did not come back when it was tried;
   * absent: nothing to put back. Pure.
   */
  readonly back?: (view: FleetView, author: Author, failed: Plan, givenUp: ReadonlySet<string>) => Planned;
  /** What is tidied up once all is well; that it fails is told, and takes nothing back. Pure. */
  readonly after?: (view: FleetView, done: Plan) => readonly Phase[];
  /** Whether what was run so far lets the release before come back (a migration that is not additive does not). */
  readonly mayGoBack?: (values: ReadonlyMap<string, boolean>) => string | undefined;
}

export interface ChangeOptions {
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** Shows the plan and asks; absent without a terminal. */
  readonly ask?: (plan: Plan) => Promise<boolean>;
  /** Shows a plan and does nothing else. */
  readonly show: (plan: Plan) => void;
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly stop: AbortSignal;
}

const NOBODY = { token: 0, holder: '-' };

/**
 * Observe, plan, run, tell: under lease and fence. What was planned without them (for the question) is observed and planned again under
 * them, and asked again if it differs. Returns the exit code. Rejects with `Refusal` before anything was touched.
 */
export async function change(opened: Opened, wanted: Change, options: ChangeOptions): Promise<number> {
  const { inventory, remote, probe, clock, emit } = opened;
  const look = async (): Promise<FleetView> =>
    viewOf(inventory, await observe(inventory, remote, probe, opened.configuration([])), opened.configuration);
  const author = (held: Pick<Holding, 'token' | 'holder'>): Author => ({
    token: held.token,
    holder: held.holder,
    by: opened.by,
    command: wanted.command,
    at: new Date(clock.now()).toISOString(),
  });
  const began = clock.ticks();

  const first = await look();
  const proposed = planOf(wanted.plan(first, author(NOBODY)));
  if (options.dryRun || proposed.phases.length === 0) {
    options.show(proposed);
    return 0;
  }
  if (!options.yes) {
    if (options.ask === undefined)
      throw new Refusal(
        2,
        'There is nobody to ask: this is not a terminal.',
        'Look at the plan with --dry-run, then give --yes.',
      );
    if (!(await options.ask(proposed))) return 0;
  }

  const held = await hold(opened, first, wanted.command);
  try {
    const view = await look();
    const plan = planOf(wanted.plan(view, author(held)));
    if (sentences(plan).join('\n') !== sentences(proposed).join('\n') && !options.yes && !(await options.ask?.(plan)))
      return 0;

    emit({ type: 'began', app: inventory.app, command: wanted.command, title: plan.title, hosts: hostsOf(plan) });
    for (const note of plan.notes) emit({ type: 'note', text: note });
    emitRotation(opened, view);
    const context = contextOf(opened, held, options.stop);
    const brakes = { phase: () => held.lapsed(), step: () => held.lapsed() };
    const stopping = (): string | undefined =>
      options.stop.aborted ? 'You asked to stop: no further step was begun.' : held.lapsed();
    const result = await runPlan(plan, context, inventory.ssh.concurrency, { ...brakes, phase: stopping });
    tellEnd(result, emit);
    let exit = result.kind === 'done' ? 0 : 1;
    if (result.kind === 'failed' && result.phase === 'check') exit = 3;
    else if (result.kind !== 'done') {
      const stays = held.lapsed() ?? wanted.mayGoBack?.(context.values);
      if (stays !== undefined) {
        emit({ type: 'note', text: stays });
        exit = 4;
      } else if (wanted.back !== undefined) {
        const anew = contextOf(opened, held, new AbortController().signal, context.counts);
        const ground = { look, author: author(held), context: anew };
        const back = await goBack(opened, held, wanted.back, plan, ground).catch((error: unknown) => {
          emit({ type: 'failed', failure: faultOf(error, 'go back to one version') });
          return false;
        });
        if (!back) exit = 4;
      }
      if (exit === 1 && options.stop.aborted) exit = options.stop.reason === 'SIGTERM' ? 143 : 130;
    }
    const end = await look();
    if (exit === 0) {
      const found = unlike(end, plan);
      for (const text of found) emit({ type: 'note', text });
      if (found.length > 0) exit = 4;
      else if (wanted.after !== undefined)
        tellEnd(
          await runPlan({ ...plan, phases: wanted.after(end, plan) }, context, inventory.ssh.concurrency, brakes),
          emit,
        );
    }
    emit({
      type: 'finished',
      exit,
      summary: {
        sentence: sentenceOf(exit, plan),
        hosts: hostSummaries(opened, end),
        took: clock.ticks() - began,
        reloads: context.counts.reloads,
      },
    });
    return exit;
  } finally {
    await held.release();
  }
}

function planOf(planned: Planned): Plan {
  if (planned.kind === 'planned') return planned.plan;
  throw new Refusal(planned.exit, planned.message, planned.next, planned.details);
}

function contextOf(
  opened: Opened,
  held: Holding,
  stop: AbortSignal,
  counts: StepContext['counts'] = { reloads: 0 },
): StepContext {
  return {
    remote: opened.remote,
    probe: opened.probe,
    clock: opened.clock,
    emit: opened.emit,
    script: opened.script,
    archive: opened.archive,
    fence: (folder) => held.fence(folder),
    lapsed: () => held.lapsed(),
    values: new Map(),
    times: new Map(),
    stop,
    counts,
    bake: { evidence: NO_EVIDENCE, at: new Map() },
  };
}

function emitRotation(opened: Opened, view: FleetView): void {
  const record = newestRecord(view);
  const names = opened.inventory.backends.map(({ name }) => name);
  const out = names.filter((name) => record?.backends[name]?.rotation === 'out');
  opened.emit({ type: 'rotation', in: names.filter((name) => !out.includes(name)), out });
}

function hostSummaries(opened: Opened, view: FleetView): HostSummary[] {
  const record = newestRecord(view);
  return opened.inventory.backends.map(({ name }): HostSummary => {
    const seen = view.backends[name];
    const known = record?.backends[name];
    const note = seen?.kind === 'unreachable' ? 'unreachable' : known?.rotation === 'out' ? known.reason : undefined;
    return {
      host: name,
      release: seen?.kind === 'seen' && seen.running !== 'unsure' ? seen.running : null,
      rotation: known?.rotation ?? 'unknown',
      out: opened.outTimes.of(name),
      ...(note === undefined ? {} : { note }),
    };
  });
}

function sentenceOf(exit: number, plan: Plan): string {
  if (exit === 0)
    return plan.phases.some(({ name }) => name === 'batch')
      ? `Done: ${plan.title}; the last batch was not judged, there was nothing left to compare it with`
      : `Done: ${plan.title}`;
  if (exit === 4) return 'NOT FINISHED: the fleet is as listed above; `orchestrate status` tells more';
  if (exit === 3) return `Refused: ${plan.title}; nothing was changed`;
  return `Not done: ${plan.title}; the fleet is on one version, as listed above`;
}
