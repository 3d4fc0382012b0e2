import type { Author } from './core/planning/flip.ts';
import type { Planned } from './core/planning/refusal.ts';
import { lingering, overdue } from './core/planning/lingering.ts';
import type { Phase, Plan } from './core/plan.ts';
import { unlike } from './core/planning/unlike.ts';
import type { FleetView } from './core/fleet.ts';
import { Refusal } from './core/failure.ts';
import type { Beginning } from './core/event.ts';
import { hostsOf } from './core/plan.ts';
import { newestRecord } from './core/fleet.ts';
import { sentences } from './core/sentences.ts';
import { NO_EVIDENCE } from './core/verdict/ratio.ts';
import { viewOf } from './core/view.ts';
import { carryOut, type Course } from './carrying-out.ts';
import { hold, type Holding } from './holding.ts';
import { observe } from './observe.ts';
import { runPlan, tellEnd } from './roll.ts';
import type { StepContext } from './steps/context.ts';
import type { Opened } from './open.ts';
import { emitRotation, hostSummaries, sentenceOf, signalExit } from './summary.ts';
import { WindowGuard, type Guarded } from './window-guard.ts';

/** A change to the fleet, whatever the verb. */
export interface Change extends Course {
  /** As typed, for records and for those who find the lease taken. */
  readonly command: string;
  /** Takes the lease over from whoever holds it, also where the plan has nothing to do. */
  readonly breaks?: boolean;
  /** It starts or promotes a release; absent: it may be done at any time. */
  readonly guarded?: Guarded;
  /** Milliseconds for which a release that has just served runs on, on backends with two slots; default: the inventory's. */
  readonly linger?: number;
}

export interface ChangeOptions {
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** Milliseconds for which another's lease is waited for; absent: not at all. */
  readonly wait?: number;
  /** Waits for windows and freezes to allow it; absent: it is refused until they do. */
  readonly waitsForWindow?: boolean;
  /** Shows the plan and asks; absent without a terminal. */
  readonly ask?: (plan: Plan) => Promise<boolean>;
  /** Shows a plan and does nothing else. */
  readonly show: (plan: Plan) => void;
  /** Awaited under lease and fence, before anything is looked at again or changed; rejects with `Refusal` to end it there (src/beside.ts). */
  readonly before?: (beginning: Beginning) => Promise<void>;
  /** Aborted by the first Ctrl-C or SIGTERM, with the signal's name as its reason. */
  readonly stop: AbortSignal;
}

/** Characters of a command that records and leases tell: a flag may be as long as somebody likes, and a record may not. */
const LONGEST_COMMAND = 500;

const NOBODY = { token: 0, holder: '-' };
const NOTHING: ReadonlySet<string> = new Set();

/** What is so on the whole fleet. */
export async function lookAt({ inventory, remote, probe, configuration }: Opened): Promise<FleetView> {
  return viewOf(inventory, await observe(inventory, remote, probe, configuration([])), configuration);
}

/**
 * Observe, plan, run, tell: under lease and fence. What was planned without them (for the question) is observed and planned again under
 * them, and asked again if it differs. What starts or promotes a release keeps to windows and freezes (src/window-guard.ts). Returns the
 * exit code. Rejects with `Refusal` before anything was touched.
 * @param seen what was looked at just now, if it was
 */
export async function change(
  opened: Opened,
  wanted: Change,
  options: ChangeOptions,
  seen?: FleetView,
): Promise<number> {
  const { inventory, clock, emit } = opened;
  const { stop } = options;
  const command = wanted.command.slice(0, LONGEST_COMMAND);
  const look = (): Promise<FleetView> => lookAt(opened);
  const author = (held: Pick<Holding, 'token' | 'holder'>): Author => ({
    token: held.token,
    holder: held.holder,
    by: opened.by,
    command,
    at: new Date(clock.now()).toISOString(),
  });
  let began = clock.ticks();

  const guard = wanted.guarded === undefined ? undefined : new WindowGuard(opened, wanted.guarded);
  const noted = async (plan: Plan): Promise<Plan> => {
    const note = await guard?.note(plan);
    return note === undefined ? plan : { ...plan, notes: [...plan.notes, note] };
  };
  const linger = wanted.linger ?? inventory.service.linger;
  const planFor = (view: FleetView, by: Author): Plan => {
    const planned = planOf(wanted.plan(view, by, NOTHING));
    return planned.phases.length > 0 ? planned : { ...planned, phases: overdue(inventory, view, linger) };
  };
  let first = seen ?? (await look());
  let proposed = planFor(first, author(NOBODY));
  if (options.dryRun || (proposed.phases.length === 0 && wanted.breaks !== true)) {
    options.show(await noted(proposed));
    return 0;
  }
  let shut = await guard?.shut(proposed);
  if (shut !== undefined && (options.waitsForWindow !== true || shut.opens === null)) throw shut.refusal;
  if (!options.yes) {
    if (options.ask === undefined)
      throw new Refusal(
        2,
        'There is nobody to ask: this is not a terminal.',
        'Look at the plan with --dry-run, then give --yes.',
      );
    if (!(await options.ask(await noted(proposed)))) return 0;
  }
  const agreed = sentences(proposed).join('\n');
  for (; shut !== undefined; shut = await guard?.shut(proposed)) {
    if (shut.opens === null) throw shut.refusal;
    // oxlint-disable no-await-in-loop -- one opening after the other
    // Hours may pass: neither connections nor what was seen is kept.
    await opened.remote.disconnect();
    if ((await guard?.wait(shut.opens, stop)) !== true) return signalExit(stop);
    began = clock.ticks();
    first = await look();
    // oxlint-enable no-await-in-loop
    proposed = planFor(first, author(NOBODY));
    if (proposed.phases.length === 0) {
      options.show(proposed);
      return 0;
    }
  }

  const intent = proposed.intent ?? first.begun;
  const held = await hold(opened, first, {
    command,
    stop,
    ...(intent === null ? {} : { intent }),
    ...(options.wait === undefined ? {} : { wait: options.wait }),
    ...(wanted.breaks === undefined ? {} : { breaks: wanted.breaks }),
  }).catch((error: unknown) => {
    if (stop.aborted) return undefined;
    throw error;
  });
  if (held === undefined) return signalExit(stop);
  try {
    await options.before?.(beginning(opened, command, held.token, proposed));
    // The lease of one who died, which told what was begun, is ours by now.
    const now = await look();
    const view = { ...now, begun: newestRecord(now)?.intent ?? first.begun };
    const plan = planFor(view, author(held));
    // The question, the lease and the hooks may have taken long.
    const late = await guard?.shut(plan);
    if (late !== undefined) throw late.refusal;
    if (sentences(plan).join('\n') !== agreed && !options.yes && !(await options.ask?.(plan))) return 0;

    emit(beginning(opened, command, held.token, plan));
    for (const note of (await noted(plan)).notes) emit({ type: 'note', text: note });
    emitRotation(opened, view);
    const context = contextOf(opened, held, stop);
    const ground = {
      opened,
      held,
      author: author(held),
      look,
      context,
      stop,
      ...(guard === undefined ? {} : { guard }),
    };
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
    await tidy(lingering(inventory, end, linger));
    emit({
      type: 'finished',
      exit,
      summary: {
        sentence: sentenceOf(exit, plan, end),
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

const beginning = (opened: Opened, command: string, number: number, plan: Plan): Beginning => ({
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

function planOf(planned: Planned): Plan {
  if (planned.kind === 'planned') return planned.plan;
  throw new Refusal(planned.exit, planned.message, planned.next, planned.details);
}

function contextOf(opened: Opened, held: Holding, stop: AbortSignal): StepContext {
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
    counts: { reloads: 0 },
    bake: { evidence: NO_EVIDENCE, at: new Map() },
  };
}
