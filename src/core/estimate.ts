import type { Event } from './event.ts';
import type { Phase, Plan, Step } from './plan.ts';

/** How long a plan will take. */
export interface Estimate {
  /** Milliseconds. */
  readonly ms: number;
  /** Some of its phases are not known from earlier rolls: it takes longer than that. */
  readonly least: boolean;
}

/**
 * What a plan will take: each of its phases as long as phases of that name took in earlier rolls, on the average; pauses and bakes as long
 * as they are configured. Of a phase that no earlier roll had, only what is configured counts.
 * @param earlier the events of rolls that ended well
 */
export function estimateOf(plan: Plan, earlier: readonly (readonly Event[])[]): Estimate {
  const took = Map.groupBy(earlier.flatMap(phasesOf), ({ name }) => name);
  let ms = 0;
  let least = false;
  for (const phase of plan.phases) {
    const rests = restOf(phase);
    const known = took.get(phase.name);
    const rested = phase.name === 'pause' || phase.name === 'bake';
    if (!rested && known === undefined) least = true;
    const average = known === undefined ? 0 : known.reduce((sum, each) => sum + each.ms, 0) / known.length;
    ms += rested ? rests : Math.max(rests, average);
  }
  return { ms, least };
}

/** How long each phase took: until the next one began, or the end. */
function phasesOf(events: readonly Event[]): { name: string; ms: number }[] {
  const marks = events.filter(({ type }) => type === 'phase' || type === 'finished');
  return marks.flatMap((event, at) => {
    const next = marks[at + 1];
    if (event.type !== 'phase' || next === undefined) return [];
    // The operator's clock may have been set in between.
    return [{ name: event.name, ms: Math.max(0, Date.parse(next.at) - Date.parse(event.at)) }];
  });
}

/** Milliseconds that a phase lets pass whatever happens: its tracks run side by side, their steps one after the other. */
const restOf = ({ tracks }: Phase): number =>
  Math.max(0, ...tracks.map(({ steps }) => steps.reduce((sum, step) => sum + lastsOf(step), 0)));

const lastsOf = (step: Step): number => (step.kind === 'watch' || step.kind === 'pause' ? step.lasts : 0);
