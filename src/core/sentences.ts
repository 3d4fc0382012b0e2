import type { Phase, Plan } from './plan.ts';

/** A plan as lines for people. Two plans that do the same give the same lines, whoever runs them and when. */
export function sentences(plan: Plan): string[] {
  if (plan.phases.length === 0) return [`${plan.title}: nothing to do`, ...plan.notes.map((note) => `  note: ${note}`)];
  return [
    plan.title,
    ...plan.notes.map((note) => `  note: ${note}`),
    ...plan.phases.flatMap((phase, index) => phaseLines(phase, `${index + 1}/${plan.phases.length}`)),
  ];
}

function phaseLines(phase: Phase, number: string): string[] {
  return [
    `[${number}] ${phase.title}`,
    ...phase.tracks.flatMap((track) =>
      track.steps.map(
        (step) =>
          `      ${track.host}: ${step.say}${step.when === undefined ? '' : ` (if ${step.when.is ? '' : 'no '}${step.when.value})`}`,
      ),
    ),
  ];
}
