import type { Figures } from '../service.ts';

/** The figures in Prometheus' text format (version 0.0.4). */
export function metricsText(app: string, figures: Figures): string {
  const { rolls, lastRollSeconds, rollSecondsSum, queued, running, queueAgeSeconds, inRotation, outOfRotation } =
    figures;
  const label = `{app="${app}"}`;
  const of = (name: string, type: 'counter' | 'gauge', help: string, value: number | null): string[] =>
    value === null
      ? []
      : [
          `# HELP orchestrate_${name} ${help}`,
          `# TYPE orchestrate_${name} ${type}`,
          `orchestrate_${name}${label} ${value}`,
        ];
  return `${[
    ...of('rolls_total', 'counter', 'Rolls, rollbacks and canaries that ended well.', rolls.done),
    ...of('rolls_failed_total', 'counter', 'Those that ended otherwise.', rolls.failed),
    ...of('roll_seconds_total', 'counter', 'What all of them took.', rollSecondsSum),
    ...of('roll_last_seconds', 'gauge', 'What the last one took.', lastRollSeconds),
    ...of('jobs_queued', 'gauge', 'Jobs that are due and wait.', queued),
    ...of('jobs_running', 'gauge', 'Jobs in hand, canaries that are watched among them.', running),
    ...of('queue_age_seconds', 'gauge', 'For how long the oldest of those has waited.', queueAgeSeconds),
    ...of('backends_in_rotation', 'gauge', 'By the last word of a command.', inRotation),
    ...of('backends_out_of_rotation', 'gauge', 'By the last word of a command.', outOfRotation),
  ].join('\n')}\n`;
}
