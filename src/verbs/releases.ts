import { releasesOf, type Releases } from '../core/releases.ts';
import type { Opened } from '../open.ts';
import { observe } from '../observe.ts';

/** Looks at every backend for its releases. Does not reject for a host that can't be looked at. */
export async function listReleases({ inventory, remote, probe }: Opened): Promise<Releases> {
  // The balancers have none.
  return releasesOf(inventory, await observe({ ...inventory, balancers: [] }, remote, probe, ''));
}
