import type { JobView, ScheduleView } from '../core/api/views.ts';
import { clean, cut, table } from './words.ts';

/** Columns of what is typed, and of how it ended. */
const WIDE = 40;

const when = (time: string | null): string => (time === null ? '' : time.slice(0, 16).replace('T', ' '));

/** `schedule list` for people. */
export function schedulesLines(schedules: readonly ScheduleView[]): string[] {
  if (schedules.length === 0)
    return ['Nothing is scheduled. `orchestrate schedule roll --at tonight` schedules a roll.'];
  const rows = schedules.map((each) => [
    String(each.number),
    cut(clean(each.command), WIDE),
    cut(clean(each.when), WIDE),
    when(each.next),
    each.by,
    each.state === 'live' ? (each.waits ?? '') : each.state,
    each.last === null ? '' : endText(each.last),
  ]);
  return table([
    ['NUMBER', 'COMMAND', 'WHEN', 'NEXT (UTC)', 'WHO', 'STATE', 'LAST'],
    ...rows.map((row) => row.map(clean)),
  ]);
}

/** One of them, with its jobs, newest first. */
export function scheduleLines(schedule: ScheduleView, jobs: readonly JobView[]): string[] {
  const { number, command, by, made, next, state, waits, approvedBy } = schedule;
  return [
    `Schedule ${number}: ${command}, ${schedule.when}. ${by} asked for it on ${when(made)} UTC.`,
    ...(state === 'live' ? [] : [`It is ${state}.`]),
    ...(next === null ? [] : [`Next: ${when(next)} UTC${waits === null ? '' : `; ${waits}`}.`]),
    ...(approvedBy === null ? [] : [`${approvedBy} has approved it.`]),
    ...(jobs.length === 0 ? [] : ['', ...jobLines(jobs)]),
  ].map(clean);
}

/** Jobs, newest first. */
export function jobLines(jobs: readonly JobView[]): string[] {
  if (jobs.length === 0) return ['There was no job yet.'];
  const rows = jobs.map((job) => [
    job.id,
    cut(clean(job.command), WIDE),
    job.by,
    when(job.due),
    when(job.began),
    job.number === null ? '' : String(job.number),
    endText(job),
  ]);
  return table([
    ['JOB', 'COMMAND', 'WHO', 'DUE (UTC)', 'BEGAN', 'HISTORY', 'STATE'],
    ...rows.map((row) => row.map(clean)),
  ]);
}

const endText = ({ state, exit, words }: JobView): string =>
  `${state}${exit === null || exit === 0 ? '' : ` (exit ${exit})`}${words === null ? '' : `: ${words}`}`;
