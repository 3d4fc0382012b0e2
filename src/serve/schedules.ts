import type { JobView, ScheduleView } from '../core/api/views.ts';
import { Refusal } from '../core/failure.ts';
import { notApproved } from '../core/schedule/course.ts';
import { scheduleWish } from '../core/schedule/wish.ts';
import type { Opened } from '../open.ts';
import { commitWish } from '../verbs/roll.ts';
import type { Ending } from './perform.ts';
import { nextJob, pinsCommit, scheduled } from './scheduling.ts';
import { NotFound } from './service.ts';
import type { Job, Schedule, Store } from './store.ts';
import { jobView, scheduleView } from './views.ts';

/** What schedules are kept and served with. */
export interface Hands {
  readonly store: Store;
  readonly openFleet: () => Promise<Opened>;
  readonly wake: (job: Pick<Job, 'id' | 'schedule'>, at: number) => Promise<void>;
  /** Ends a job that waits, where it has not begun meanwhile. */
  readonly cancelled: (job: Job, said: Ending) => Promise<void>;
}

/** What is asked of schedules: as service.ts has it. */
export class Schedules {
  readonly #hands: Hands;

  constructor(hands: Hands) {
    this.#hands = hands;
  }

  async list({ limit, all }: { readonly limit: number; readonly all: boolean }): Promise<ScheduleView[]> {
    const schedules = await this.#hands.store.schedules(limit, all);
    const jobs = await this.#hands.store.jobsOf(schedules.map(({ number }) => number));
    const bySchedule = Map.groupBy(jobs, ({ schedule }) => schedule);
    return schedules.map((schedule) => scheduleView(schedule, bySchedule.get(schedule.number) ?? []));
  }

  async one(number: number): Promise<ScheduleView & { readonly jobs: readonly JobView[] }> {
    const schedule = await this.#scheduleOf(number);
    const jobs = await this.#hands.store.jobs(20, number);
    return { ...scheduleView(schedule, jobs), jobs: jobs.map(jobView) };
  }

  async make(wish: unknown, by: string): Promise<ScheduleView> {
    const read = scheduleWish.safeParse(wish);
    if (!read.success)
      throw new Refusal(
        2,
        `The schedule can't be read: ${read.error.issues.map(({ path, message }) => `${path.map(String).join('.')} ${message}`).join('; ')}.`,
        'See the OpenAPI document.',
      );
    const opened = await this.#hands.openFleet();
    try {
      const { order } = read.data;
      const ref = ('ref' in order ? order.ref : undefined) ?? opened.inventory.build.ref;
      // Also where the commit is taken later: a ref that does not exist is told to the one who is still awake.
      const { of } = await commitWish(opened, ref);
      const commit = pinsCommit(read.data) && 'commit' in of ? of.commit.commit : null;
      const { schedule, first } = scheduled(read.data, { inventory: opened.inventory, by, now: Date.now(), commit });
      const made = await this.#hands.store.add(schedule, first);
      await this.#hands.wake(made.job, made.job.due);
      return scheduleView(made.schedule, [made.job]);
    } finally {
      await opened.close();
    }
  }

  async cancel(number: number): Promise<ScheduleView> {
    const schedule = await this.#scheduleOf(number);
    await this.#hands.store.setSchedule(number, 'cancelled');
    const job = await this.#liveJob(schedule);
    if (job?.state === 'waiting') await this.#hands.cancelled(job, { exit: null, words: 'its schedule was cancelled' });
    return this.#viewOf(number);
  }

  async runNow(number: number): Promise<ScheduleView> {
    const schedule = await this.#scheduleOf(number);
    const job = await this.#waiting(schedule);
    const now = Date.now();
    await this.#hands.store.setJob(job.id, { due: Math.min(job.due, now), paused: false }, ['waiting']);
    await this.#hands.wake(job, now);
    return this.#viewOf(number);
  }

  async pause(number: number, paused: boolean): Promise<ScheduleView> {
    const schedule = await this.#scheduleOf(number);
    const job = await this.#waiting(schedule);
    await this.#hands.store.setSchedule(number, paused ? 'paused' : 'live');
    await this.#hands.store.setJob(job.id, { paused }, ['waiting']);
    await this.#hands.wake(job, Math.max(job.due, Date.now()));
    return this.#viewOf(number);
  }

  async approve(number: number, by: string): Promise<ScheduleView> {
    const schedule = await this.#scheduleOf(number);
    const job = await this.#waiting(schedule);
    const not = notApproved({ ...job, stopped: null }, by);
    if (not !== undefined)
      throw new Refusal(
        3,
        `Schedule ${number} is not approved: ${not}.`,
        'Let somebody else approve it, with a token of their own.',
      );
    await this.#hands.store.setJob(job.id, { approvedBy: by }, ['waiting']);
    await this.#hands.wake(job, Math.max(job.due, Date.now()));
    return this.#viewOf(number);
  }

  /** Sees to it that a schedule has a job to come, or has ended. */
  async next(schedule: Schedule, now: number): Promise<void> {
    if (schedule.state !== 'live' && schedule.state !== 'paused') return;
    const jobs = await this.#hands.store.jobsOf([schedule.number]);
    if (jobs.some(({ state }) => LIVE.has(state))) return;
    const next = nextJob(schedule, Math.max(0, ...jobs.map(({ instant }) => instant)), now);
    if (next === null) {
      await this.#hands.store.setSchedule(schedule.number, 'ended');
      return;
    }
    await this.#hands.store.addJob({ ...next, schedule: schedule.number });
    if (schedule.state === 'paused') await this.#hands.store.setJob(next.id, { paused: true });
    await this.#hands.wake({ id: next.id, schedule: schedule.number }, next.due);
  }

  async #scheduleOf(number: number): Promise<Schedule> {
    const schedule = await this.#hands.store.schedule(number);
    if (schedule === undefined)
      throw new NotFound(`schedule ${number}`, '`orchestrate schedule list` lists those that there are.');
    return schedule;
  }

  async #liveJob({ number }: Schedule): Promise<Job | undefined> {
    return (await this.#hands.store.jobsOf([number])).find(({ state }) => LIVE.has(state));
  }

  async #waiting(schedule: Schedule): Promise<Job> {
    const job = await this.#liveJob(schedule);
    if (job?.state === 'waiting') return job;
    throw new Refusal(
      3,
      job === undefined
        ? `Schedule ${schedule.number} has nothing to do any more.`
        : `Schedule ${schedule.number} is at work.`,
      `\`orchestrate schedule show ${schedule.number}\` tells more.`,
    );
  }

  async #viewOf(number: number): Promise<ScheduleView> {
    return scheduleView(await this.#scheduleOf(number), await this.#hands.store.jobsOf([number]));
  }
}

const LIVE: ReadonlySet<string> = new Set(['waiting', 'running', 'watching']);
