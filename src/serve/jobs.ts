import { randomUUID } from 'node:crypto';
import { orderText, type Order } from '../core/api/order.ts';
import type { JobView } from '../core/api/views.ts';
import { Refusal } from '../core/failure.ts';
import { endJob, type Bench, type Ending } from './perform.ts';
import { NotFound } from './service.ts';
import type { Stops } from './stops.ts';
import type { Job } from './store.ts';
import { jobView } from './views.ts';

type Hands = Pick<Bench, 'store' | 'log' | 'ended' | 'persist' | 'wake'> & { readonly stops: Stops };

/** What is asked of jobs: as service.ts has it. How they are done is in perform.ts. */
export class Jobs {
  readonly #hands: Hands;

  constructor(hands: Hands) {
    this.#hands = hands;
  }

  async start(order: Order, by: string): Promise<JobView> {
    const now = Date.now();
    const job = await this.#hands.store.addJob({
      id: randomUUID(),
      schedule: null,
      order,
      command: orderText(order),
      by,
      made: now,
      instant: now,
      due: now,
      notAfter: null,
      needsApproval: false,
      commit: null,
    });
    if (job === undefined) throw new Error('the job was not kept');
    await this.#hands.wake(job, now);
    return jobView(job);
  }

  async stop(id: string, by: string): Promise<JobView> {
    const { state } = await this.#jobOf(id);
    if (state === 'watching')
      throw new Refusal(
        3,
        'The canary of that job lives, and is watched.',
        '`orchestrate canary abort` sends its users back, `orchestrate canary promote` takes everybody over: both end the job.',
      );
    // The wish before all else: whoever begins the job just now reads it.
    const wished = await this.#hands.store.setJob(id, { stopBy: by }, ['waiting', 'running']);
    if (wished?.state === 'waiting') await this.cancelled(wished, { exit: 130, words: `${by} has cancelled it` });
    if (wished?.state === 'running') {
      this.#hands.log.tell(id, { at: new Date().toISOString(), type: 'note', text: `${by} asks it to stop` });
      await this.#hands.stops.heed();
    }
    return jobView(await this.#jobOf(id));
  }

  /** Where it has not begun meanwhile. */
  cancelled(job: Job, said: Ending): Promise<void> {
    return endJob(job, said, 'cancelled', this.#hands, Date.now(), ['waiting']);
  }

  async list({ limit }: { readonly limit: number }): Promise<JobView[]> {
    return (await this.#hands.store.jobs(limit)).map(jobView);
  }

  async one(id: string): Promise<JobView> {
    return jobView(await this.#jobOf(id));
  }

  async #jobOf(id: string): Promise<Job> {
    const job = /^[0-9a-f-]{36}$/.test(id) ? await this.#hands.store.job(id) : undefined;
    if (job === undefined)
      throw new NotFound(
        `job ${id}`,
        '`orchestrate jobs` lists the newest, `orchestrate schedule show NUMBER` those of a schedule.',
      );
    return job;
  }
}
