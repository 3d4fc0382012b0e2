import { orderText } from '../core/api/order.ts';
import type { JobView, ScheduleView } from '../core/api/views.ts';
import { whenText } from './scheduling.ts';
import type { Job, Schedule } from './store.ts';

/** What is kept, as it is told. */

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

export const jobView = (job: Job): JobView => ({
  id: job.id,
  schedule: job.schedule,
  command: job.command,
  by: job.by,
  due: iso(job.due),
  state: job.state,
  exit: job.exit,
  words: job.words,
  commit: job.commit,
  began: isoOrNull(job.began),
  ended: isoOrNull(job.ended),
  number: job.number,
});

const LIVE = new Set(['waiting', 'running', 'watching']);

/** `jobs`: some of the schedule's, among them the one that has not ended and the newest that has. */
export function scheduleView(schedule: Schedule, jobs: readonly Job[]): ScheduleView {
  const own = jobs.filter((job) => job.schedule === schedule.number);
  const next = own.find(({ state }) => LIVE.has(state));
  const last = own.filter(({ state }) => !LIVE.has(state)).toSorted((a, b) => b.due - a.due)[0];
  const approval = next !== undefined && next.needsApproval && next.approvedBy === null;
  return {
    number: schedule.number,
    command: orderText(schedule.wish.order),
    by: schedule.by,
    made: iso(schedule.made),
    when: whenText(schedule),
    next: next === undefined ? null : iso(next.due),
    state: schedule.state,
    needsApproval: schedule.wish.needsApproval === true,
    approvedBy: next?.approvedBy ?? null,
    last: last === undefined ? null : jobView(last),
    waits:
      next === undefined
        ? null
        : approval
          ? `somebody else than ${schedule.by} is to approve it: orchestrate schedule approve ${schedule.number}`
          : next.paused
            ? `it is paused: orchestrate schedule continue ${schedule.number}`
            : next.words,
  };
}
