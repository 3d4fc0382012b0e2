import type { Fleet } from '../fleet/fleet.ts';

/**
 * What orchestrate may change on a host, the lease, the fence and the journal left aside: that somebody held them, and what was tried,
 * changes nothing.
 */
const PLACES = ['/var/lib/orchestrate', '/srv/www', '/etc/nginx', '/run/shop'];
const ASIDE = [
  ...['lease.json', 'lease.lock', 'fence', 'lock'].map((name) => `! -name ${name}`),
  "! -path '*/orchestrate/shop/journal*'",
].join(' ');

/**
 * A line for each file, link and folder there: owner, mode, where it leads, and for a file its size, when it was written last and its
 * inode, so that one that was written anew with the same bytes is found too. Lines of different hosts differ by the host's name.
 */
export async function stateOf(fleet: Fleet): Promise<string[]> {
  const look = `for place in ${PLACES.join(' ')}; do [ ! -d $place ] || find $place ${ASIDE} \\( -type d -printf '%p %y %m %u\\n' -o -printf '%p %y %m %u %l %s %T@ %i\\n' \\); done | sort`;
  const found = await Promise.all(
    fleet.hosts.map(async ({ name }) => (await fleet.sh(name, look)).split('\n').map((line) => `${name}: ${line}`)),
  );
  return found.flat();
}

/** What is so in one state alone, as lines with + and -. */
export function changes(before: readonly string[], after: readonly string[]): string[] {
  const [was, is] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !is.has(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !was.has(line)).map((line) => `+ ${line}`),
  ];
}
