import type { Author } from './core/planning/flip.ts';
import { overdue } from './core/planning/lingering.ts';
import type { Plan } from './core/plan.ts';
import { endedJobs, type FleetView } from './core/fleet.ts';
import { JobEnded, Refusal } from './core/failure.ts';
import type { Beginning } from './core/event.ts';
import { sentences } from './core/sentences.ts';
import type { Course } from './carrying-out.ts';
import type { Holding } from './holding.ts';
import type { Opened } from './open.ts';
import { lookAt } from './look-at.ts';
import { returnFirst } from './return-first.ts';
import { signalExit } from './summary.ts';
import { NOBODY, planOf, takeHold, underLease } from './under-lease.ts';
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
  /**
   * What moves the traffic before the backends are looked at, by a view of the balancers and one backend alone, and the rest of the way once
   * that is done; undefined: everything is looked at first. Pure.
   */
  readonly first?: (view: FleetView, author: Author) => First | undefined;
}

export interface First {
  readonly plan: Plan;
  /** How the rest is planned; in place of the change's own. */
  readonly rest: Course['plan'];
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
  /** The service's job that it is: done once, whoever tries it again. */
  readonly job?: string;
  /** Aborted by the first Ctrl-C or SIGTERM, with the signal's name as its reason. */
  readonly stop: AbortSignal;
}

/** Characters of a command that records and leases tell: a flag may be as long as somebody likes, and a record may not. */
const LONGEST_COMMAND = 500;

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
  const { inventory, clock } = opened;
  const { stop } = options;
  const command = wanted.command.slice(0, LONGEST_COMMAND);
  const look = (): Promise<FleetView> => lookAt(opened);
  const author = (held: Pick<Holding, 'token' | 'holder'>): Author => ({
    token: held.token,
    holder: held.holder,
    by: opened.by,
    command,
    at: new Date(clock.now()).toISOString(),
    ...(options.job === undefined ? {} : { job: options.job }),
  });
  let began = clock.ticks();

  const guard = wanted.guarded === undefined ? undefined : new WindowGuard(opened, wanted.guarded);
  const noted = async (plan: Plan): Promise<Plan> => {
    const note = await guard?.note(plan);
    return note === undefined ? plan : { ...plan, notes: [...plan.notes, note] };
  };
  const linger = wanted.linger ?? inventory.service.linger;
  const planFor = (view: FleetView, by: Author): Plan => {
    if (options.job !== undefined && endedJobs(view).has(options.job)) throw new JobEnded(options.job);
    const planned = planOf(wanted.plan(view, by, new Set()));
    return planned.phases.length > 0 ? planned : { ...planned, phases: overdue(inventory, view, linger) };
  };
  const way = { command, author, look, noted, planFor, linger, ...(guard === undefined ? {} : { guard }) };
  if (wanted.first !== undefined && !options.dryRun) {
    const exit = await returnFirst(opened, wanted, wanted.first, options, { ...way, began });
    if (exit !== undefined) return exit;
  }
  let first = seen ?? (await look());
  let proposed = planFor(first, author(NOBODY));
  if (options.dryRun || (proposed.phases.length === 0 && wanted.breaks !== true)) {
    options.show(await noted(proposed));
    // Who is left aside, and is so already, is not on the release that was asked for.
    return !options.dryRun && proposed.aside !== undefined ? 4 : 0;
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
    if (!(await options.ask(await noted(proposed)))) return 3;
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
  const held = await takeHold(opened, first, wanted, options, command, intent);
  if (held === undefined) return signalExit(stop);
  return underLease(opened, wanted, options, { ...way, held, began, proposed, agreed, first });
}
