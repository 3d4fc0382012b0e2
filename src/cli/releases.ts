import { releasesLines } from '../core/releases.ts';
import { safeJson } from '../core/printable.ts';
import { open } from '../open.ts';
import { listReleases } from '../verbs/releases.ts';

/** `orchestrate releases`: exit 4 when a host could not be looked at. */
export async function releases(flags: { readonly inventory?: string; readonly json?: boolean }): Promise<number> {
  const opened = await open(flags.inventory, () => {});
  try {
    const found = await listReleases(opened);
    process.stdout.write(flags.json === true ? `${safeJson(found, 2)}\n` : `${releasesLines(found).join('\n')}\n`);
    return found.hosts.some(({ unreachable }) => unreachable !== null) ? 4 : 0;
  } finally {
    await opened.close();
  }
}
