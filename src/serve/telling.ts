import { secretIn } from '../beside.ts';
import type { Refusal } from '../core/failure.ts';
import { openPost } from '../fleet/post.ts';
import { loadInventory } from '../open.ts';
import { Webhooks } from '../tell/webhooks.ts';
import type { Job } from './store.ts';

/** Milliseconds. */
const WITHIN = 30_000;

/** Tells the inventory's receivers of a scheduled job that never began: nothing else would. Does not reject. */
export async function tellOthers(
  inventoryFile: string | undefined,
  job: Job,
  refusal: Refusal | undefined,
): Promise<void> {
  const { post, close } = openPost();
  try {
    const { inventory } = await loadInventory(inventoryFile);
    const webhooks = new Webhooks(inventory.notify, { post, secret: secretIn });
    const beginning = {
      type: 'began',
      app: inventory.app,
      command: job.command,
      by: job.by,
      number: 0,
      title: `schedule ${job.schedule ?? 0}`,
      hosts: [],
    } as const;
    const failure = {
      host: 'orchestrate',
      doing: `schedule ${job.schedule ?? 0}`,
      what: job.words ?? 'it did not begin',
      output: [],
      next: refusal?.next ?? `\`orchestrate schedule show ${job.schedule ?? 0}\` tells more.`,
    };
    webhooks.tell({ at: new Date().toISOString(), beginning, kind: 'failed', failure });
    await webhooks.end(WITHIN);
  } catch {
    // The job's own words say it too.
  } finally {
    await close();
  }
}
