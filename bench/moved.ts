import type { Scene } from '../test/e2e/scene.ts';
import type { Rolled } from './contenders.ts';
import type { Site } from './sites.ts';

/** How fast the traffic moved to the other slots, in seconds; NaN where it did not, or nobody says so. */
export interface Moved {
  /** From the begin of the first phase that flips to the end of the last flip, by what the command told. */
  readonly moving: number;
  /** From the command's start to when a balancer gave the last request to what served before. */
  readonly left: number;
}

/** How long before the command began its traffic is looked at, to see which slot served: milliseconds. */
const BEFORE = 3000;

export async function moved(scene: Scene, site: Site, { events, measured: { began } }: Rolled): Promise<Moved> {
  if (site.second === undefined || events.length === 0) return { moving: NaN, left: NaN };
  const time = (at: string | undefined): number => Date.parse(at ?? '');
  const first = events.find((event) => event.type === 'phase' && (event.name === 'batch' || event.name === 'flip'));
  const last = events.findLast((event) => event.type === 'rotation');
  const logs = await Promise.all(
    scene.fleet.balancers.map(({ name }) => scene.fleet.sh(name, `tail -n 40000 /var/log/nginx/${site.name}.json`)),
  );
  const given = logs
    .join('\n')
    .split('\n')
    .flatMap(givenTo)
    .filter(({ at }) => at >= began - BEFORE);
  const served = new Set(given.filter(({ at }) => at < began).map(({ port }) => port));
  const before = given.filter(({ port }) => served.has(port));
  const until = Math.max(...before.map(({ at }) => at));
  return {
    moving: (time(last?.at) - time(first?.at)) / 1000,
    left: served.size === 1 ? (until - began) / 1000 : NaN,
  };
}

/** When a request was given to which port, by its line in the access log; none: it was given to nobody, or to several. */
function givenTo(line: string): { readonly at: number; readonly port: string }[] {
  if (!line.startsWith('{')) return [];
  const { time, upstream, upstream_time: took } = JSON.parse(line) as Record<string, string>;
  const port = /^[0-9.]+:([0-9]+)$/.exec(upstream ?? '')?.[1];
  return port === undefined ? [] : [{ at: (Number(time) - Number(took)) * 1000, port }];
}
