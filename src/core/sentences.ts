import type { Phase, Plan } from './plan.ts';
import { clean } from './printable.ts';

/** A plan as lines for people, safe to show: a commit's subject is anybody's. Two plans that do the same give the same lines, whoever runs them and when. */
export function sentences(plan: Plan): string[] {
  const lines =
    plan.phases.length === 0
      ? [`${plan.title}: nothing to do`, ...plan.notes.map((note) => `  note: ${note}`)]
      : planLines(plan);
  return lines.map(clean);
}

function planLines(plan: Plan): string[] {
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
