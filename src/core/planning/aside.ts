import type { Phase, Plan, Step } from '../plan.ts';
import type { Planned } from './refusal.ts';

/** Long enough for a host that is there, short enough to be asked before each batch. Milliseconds. */
const DEADLINE = 3000;

/**
 * A plan that leaves out balancers which, by a person's word, take no traffic: they are asked before anything is done, and again before
 * each flip and each batch. One that answers fails the step: it may be sending to a backend that is about to be stopped.
 */
export function leavingAside(planned: Planned, balancers: readonly string[]): Planned {
  if (planned.kind === 'refused' || balancers.length === 0 || planned.plan.phases.length === 0) return planned;
  const { plan } = planned;
  const asked = balancers.map((host): Step => ({
    kind: 'absent',
    say: `see that ${host} still does not answer`,
    host,
    deadline: DEADLINE,
  }));
  const first: Phase = {
    name: 'check',
    title: `see that ${balancers.join(' and ')} can't be reached, and so takes no part`,
    tracks: balancers.map((host, at) => ({ host, steps: asked.slice(at, at + 1) })),
  };
  const phases = plan.phases.map((phase, at): Phase => (moves(plan, at) ? before(phase, asked) : phase));
  const notes = [
    ...plan.notes,
    `${balancers.join(' and ')} ${balancers.length === 1 ? 'is' : 'are'} left out by your word; the next command without --without-balancer lets ${balancers.length === 1 ? 'it' : 'them'} catch up`,
  ];
  return { kind: 'planned', plan: { ...plan, notes, phases: [first, ...phases] } };
}

/** Whether a phase changes who is sent to, or stops a process, and the phase before has not asked for it. */
function moves({ phases }: Plan, at: number): boolean {
  const phase = phases[at];
  if (phase?.name === 'flip' || phase?.name === 'declare') return true;
  const former = phases[at - 1];
  return phase?.name === 'batch' && (former?.name !== 'flip' || former.batch?.number !== phase.batch?.number);
}

const before = (phase: Phase, steps: readonly Step[]): Phase => ({
  ...phase,
  tracks: phase.tracks.map((track) => ({ ...track, steps: [...steps, ...track.steps] })),
});
