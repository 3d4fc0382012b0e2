import { safeJson } from '../core/printable.ts';
import { lookAt } from '../look-at.ts';
import { open } from '../open.ts';
import { leaseLines } from '../tell/lease.ts';
import { breakChange, leasesOf } from '../verbs/lease.ts';
import { runChange, type ChangingFlags } from './listening.ts';

/** `orchestrate lease` and `orchestrate lease break`: showing exits with 0, or 4 where a balancer could not be looked at. */
export async function lease(action: 'break' | undefined, flags: ChangingFlags): Promise<number> {
  if (action === 'break')
    return runChange(flags, async (opened) => {
      const seen = await lookAt(opened);
      return { change: breakChange(opened, seen), seen };
    });
  const opened = await open(flags.inventory, () => {});
  try {
    const leases = leasesOf(await lookAt(opened));
    const text = flags.json === true ? safeJson(leases, 2) : leaseLines(leases).join('\n');
    process.stdout.write(`${text}\n`);
    return leases.some(({ state }) => state === 'unknown') ? 4 : 0;
  } finally {
    await opened.close();
  }
}
