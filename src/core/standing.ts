import { seenBalancers, type FleetView, type SeenBalancer } from './fleet.ts';

/** How a balancer stands to the newest generation that serves anywhere. */
export type Standing =
  /** It serves that generation. */
  | { readonly kind: 'level' }
  /** It holds that generation, prepared, and does not serve it yet: a flip was begun and not ended. */
  | { readonly kind: 'unfinished'; readonly says: string }
  /** It serves one that was there before and knows nothing of what came after: it was away. */
  | { readonly kind: 'behind'; readonly says: string }
  /** It has never served one. */
  | { readonly kind: 'new'; readonly says: string }
  /** Whatever else it is: somebody changed it by hand. */
  | { readonly kind: 'edited'; readonly says: string };

const LEVEL: Standing = { kind: 'level' };

/**
 * Tells apart why balancers differ: a flip that was interrupted and a balancer that was away are put right by the next plan; what a hand
 * made is never guessed about. By the number of the live generation, the digests of the records that are kept, and what the last flip
 * left word of. Of the balancers that could be looked at, by name; sentences begin with the name.
 */
export function standings(view: FleetView): ReadonlyMap<string, Standing> {
  const seen = seenBalancers(view);
  const trusted = seen.filter(([, { edits }]) => edits.length === 0);
  const newest = Math.max(-1, ...trusted.map(([, { live }]) => live ?? -1));
  const heads = trusted.filter(([, { live }]) => live === newest);
  const torn = new Set(heads.map(([, { digests }]) => digests.get(newest))).size > 1;
  return new Map(
    seen.map(([name, balancer]): [string, Standing] => {
      const others = heads.filter(([other]) => other !== name);
      if (balancer.edits.length > 0) return [name, edited(`${name}: ${balancer.edits.join('; ')}`)];
      if (balancer.live !== newest) return [name, later(name, balancer, newest, others)];
      if (torn)
        return [
          name,
          edited(`${name}: generation ${newest} is another there than on ${others.map(([other]) => other).join(', ')}`),
        ];
      const former = trusted.filter(([other, { live }]) => other !== name && live !== null);
      if (!balancer.vouched && former.length > 0 && !former.some(([, { digests }]) => digests.has(newest)))
        return [name, edited(`${name} serves generation ${newest}, which no other balancer has ever had`)];
      return [name, LEVEL];
    }),
  );
}

/** Of a balancer whose generation is older than the newest. */
function later(
  name: string,
  { live, digests, vouched }: SeenBalancer,
  newest: number,
  heads: readonly (readonly [string, SeenBalancer])[],
): Standing {
  const [head, first] = heads[0] ?? [];
  if (head === undefined || first === undefined) return LEVEL;
  const wanted = first.digests.get(newest);
  const held = digests.get(newest);
  if (live !== null && first.digests.has(live) && first.digests.get(live) !== digests.get(live))
    return edited(`${name}: generation ${live} is another there than on ${head}`);
  if (held !== undefined && held === wanted)
    return {
      kind: 'unfinished',
      says: `${name} holds generation ${newest}, which ${head} serves, and still serves ${live ?? 'none'}: a flip was begun and not ended; the next command ends it`,
    };
  if (live === null)
    return { kind: 'new', says: `${name} has no generation yet: the next command gives it what ${head} serves` };
  // What was prepared there and never served says nothing, as long as the last flip tells that it never did.
  const strange = [...digests].some(([number, digest]) => number > live && first.digests.get(number) !== digest);
  const known = first.digests.has(live) || live < Math.min(...first.digests.keys());
  if (vouched ? known : first.digests.has(live) && !strange)
    return {
      kind: 'behind',
      says: `${name} is behind: it serves generation ${live}, and ${head} serves ${newest}. It was away; the next command lets it catch up`,
    };
  return edited(
    first.digests.has(live)
      ? `${name} serves generation ${live} although it has later ones: its \`live\` was moved by hand`
      : `${name} serves generation ${live}, which ${head} (${newest}) has never had`,
  );
}

const edited = (says: string): Standing => ({ kind: 'edited', says });

/** Whether the balancers that could be looked at serve one generation, and nobody has changed it. */
export const level = (view: FleetView): boolean => [...standings(view).values()].every(({ kind }) => kind === 'level');
