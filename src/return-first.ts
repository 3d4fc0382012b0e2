import { buildsHere, witness } from './core/builder.ts';
import { Refusal } from './core/failure.ts';
import type { Change, ChangeOptions } from './change.ts';
import { lookAt } from './look-at.ts';
import { tokens } from './holding.ts';
import { nextToken } from './core/lease.ts';
import type { Opened } from './open.ts';
import { without } from './putting-right.ts';
import { runPlan, tellEnd } from './roll.ts';
import { emitRotation, hostSummaries, sentenceOf, signalExit } from './summary.ts';
import { beginning, contextOf, NOBODY, planOf, takeHold, toItsEnd, type Way } from './under-lease.ts';

/**
 * A change that moves the traffic first, by a view of the balancers and one backend alone, under the lease of the balancers; then fences and
 * looks at everything, and does what is left. Returns the exit code; undefined: it can't be done so, and nothing was touched. Rejects
 * with `Refusal` before anything was touched.
 */
export async function returnFirst(
  opened: Opened,
  wanted: Change,
  first: NonNullable<Change['first']>,
  options: ChangeOptions,
  way: Way,
): Promise<number | undefined> {
  const { inventory, emit } = opened;
  const { stop } = options;
  const { command, author, look } = way;
  const seen = await lookAt(
    opened,
    // That a release is a way of no return stands on the backend that builds; where none does, on those that were rolled then.
    inventory.backends.filter(({ name }) => buildsHere(inventory) || name === witness(inventory)),
  );
  const proposed = first(seen, author(NOBODY));
  if (proposed === undefined) return undefined;
  if (!options.yes) {
    if (options.ask === undefined) return undefined;
    if (!(await options.ask(proposed.plan))) return 3;
  }

  const held = await takeHold(opened, seen, wanted, options, command, proposed.plan.intent ?? null);
  if (held === undefined) return signalExit(stop);
  try {
    const { plan, rest } = first(seen, author(held)) ?? proposed;
    await options.before?.(beginning(opened, command, held.token, plan));
    emit(beginning(opened, command, held.token, plan));
    emitRotation(opened, seen);
    const context = contextOf(opened, held, stop);
    // Somebody may have had the lease since the fleet was looked at: then what was done meanwhile is looked at first.
    const isAsSeen = held.token === nextToken(tokens(seen));
    if (isAsSeen) {
      const stopped = (): string | undefined =>
        stop.aborted ? 'You asked to stop: nothing further was begun.' : held.lapsed();
      tellEnd(
        await runPlan(plan, context, inventory.ssh.concurrency, { phase: stopped, step: () => held.lapsed() }),
        emit,
      );
    }
    const unanswered = await held.barrier();
    const view = without(await look(), unanswered);
    try {
      const left = planOf(rest(view, author(held), new Set()));
      return await toItsEnd(opened, { ...wanted, plan: rest }, { ...way, held, context, stop }, view, left);
    } catch (error) {
      if (!(error instanceof Refusal) || !isAsSeen) throw error;
      emit({
        type: 'note',
        text: `What is left after that flip was not done. ${[error.message, ...error.details].join(' ')}`,
      });
      const summary = { sentence: sentenceOf(4, plan, view), hosts: hostSummaries(opened, view) };
      const took = opened.clock.ticks() - way.began;
      emit({ type: 'finished', exit: 4, summary: { ...summary, took, reloads: 0 } });
      return 4;
    }
  } finally {
    await held.release();
  }
}
