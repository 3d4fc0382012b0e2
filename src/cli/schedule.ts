import type { JobView, ScheduleView } from '../core/api/views.ts';
import { Refusal } from '../core/failure.ts';
import { safeJson } from '../core/printable.ts';
import type { ScheduleWish } from '../core/schedule/wish.ts';
import { jobLines, scheduleLines, schedulesLines } from '../tell/schedule.ts';
import { clientOf, orderFrom, type ServerFlags } from './server.ts';

export interface ScheduleFlags extends ServerFlags {
  readonly at?: string;
  readonly cron?: string;
  readonly timeZone?: string;
  readonly commit?: 'made' | 'run';
  readonly notAfter?: string;
  readonly jitter?: string;
  readonly needsApproval?: boolean;
  /** Of a hundred: a canary, in place of a roll. */
  readonly canary?: number;
}

/** `orchestrate schedule roll`, and `schedule roll --canary 10%`. */
export async function scheduleRoll(flags: ScheduleFlags): Promise<number> {
  const { at, cron, timeZone, commit, notAfter, jitter, needsApproval, canary } = flags;
  if ((at === undefined) === (cron === undefined))
    throw new Refusal(
      2,
      'A schedule has one time.',
      'Give --at tonight, --at 2026-12-01T02:00, or --cron "0 2 * * tue".',
    );
  const order = canary === undefined ? orderFrom('roll', flags) : orderFrom('canary', flags, { share: canary });
  const wish: ScheduleWish = {
    order,
    when: at === undefined ? { cron: cron ?? '' } : { at },
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(commit === undefined ? {} : { commit }),
    ...(notAfter === undefined ? {} : { notAfter }),
    ...(jitter === undefined ? {} : { jitter }),
    ...(needsApproval === undefined ? {} : { needsApproval }),
  };
  const made = await clientOf(flags).ask<ScheduleView>('POST', '/v1/schedules', wish);
  return tell(flags, made, scheduleLines(made, []));
}

/** `orchestrate schedule list` */
export async function scheduleList(
  flags: ServerFlags & { readonly all?: boolean; readonly limit: number },
): Promise<number> {
  const found = await clientOf(flags).ask<ScheduleView[]>(
    'GET',
    `/v1/schedules?limit=${flags.limit}&all=${flags.all === true ? 1 : 0}`,
  );
  return tell(flags, found, schedulesLines(found));
}

/** `orchestrate schedule show 3` */
export async function scheduleShow(number: number, flags: ServerFlags): Promise<number> {
  const found = await clientOf(flags).ask<ScheduleView & { jobs: JobView[] }>('GET', `/v1/schedules/${number}`);
  return tell(flags, found, scheduleLines(found, found.jobs));
}

const changed =
  (what: 'cancel' | 'run-now' | 'pause' | 'continue' | 'approve') =>
  async (number: number, flags: ServerFlags): Promise<number> => {
    const found = await clientOf(flags).ask<ScheduleView>('POST', `/v1/schedules/${number}/${what}`);
    return tell(flags, found, scheduleLines(found, []));
  };

export const scheduleCancel = changed('cancel');
export const scheduleRunNow = changed('run-now');
export const schedulePause = changed('pause');
export const scheduleContinue = changed('continue');
export const scheduleApprove = changed('approve');

/** `orchestrate jobs`: what was and is to be done, newest first. */
export async function jobs(flags: ServerFlags & { readonly limit: number }): Promise<number> {
  const found = await clientOf(flags).ask<JobView[]>('GET', `/v1/jobs?limit=${flags.limit}`);
  return tell(flags, found, jobLines(found));
}

/** `orchestrate jobs stop JOB` */
export async function jobsStop(job: string, flags: ServerFlags): Promise<number> {
  const found = await clientOf(flags).ask<JobView>('POST', `/v1/jobs/${encodeURIComponent(job)}/stop`);
  return tell(flags, found, jobLines([found]));
}

function tell(flags: ServerFlags, value: unknown, lines: readonly string[]): number {
  process.stdout.write(flags.json === true ? `${safeJson(value, 2)}\n` : `${lines.join('\n')}\n`);
  return 0;
}
