import { randomBytes } from 'node:crypto';
import { addressOf } from './address.ts';
import { Connections } from './connections.ts';
import { type DelayProxy, startDelayProxy } from './delay-proxy.ts';
import type { Door } from './door.ts';
import { type Kind, type Mix, mix as theMix } from './mix.ts';
import { seeded } from './random.ts';
import type { Report } from './report.ts';
import { Sessions } from './sessions.ts';
import { type Live, Tally } from './tally.ts';
import { Users } from './users.ts';
import { start, type Visit, Visits } from './visits.ts';

export interface LoadOptions {
  /** The balancers, `address:port` each. */
  readonly targets: readonly string[];
  /** The releases that may answer, each with the path under /static/ of its stylesheet: a Project's `stylesheets`, or some of them. */
  readonly releases: Readonly<Record<string, string>>;
  /** The Host header and, with TLS, the certificate's name. Default `shop.example.com`. */
  readonly host?: string;
  /** Absent: until it is stopped. */
  readonly seconds?: number;
  /** Default 1. The same seed sends the same requests at the same moments. */
  readonly seed?: number;
  /** What the ids of the orders begin with: lower-case letters, digits, hyphens. Default: by chance. */
  readonly run?: string;
  /** PEM of the certificate that signed the balancers'; absent: no TLS. */
  readonly ca?: string;
  readonly http2?: boolean;
  /** What a short test of the load itself does otherwise than mix.ts. */
  readonly mix?: Partial<Mix>;
  /** So many users with addresses and cookies of their own; absent: nobody has any. Without HTTP/2. */
  readonly users?: number;
}

export interface Running {
  /** The counters since the last call. */
  live(): Live;
  /** Starts no further request, waits for what is on its way (at most its time-out), and closes all. */
  stop(): Promise<Report>;
  /** Resolves when the load has ended, by `stop` or by its seconds. */
  readonly done: Promise<Report>;
}

/** Runs the load in this process; see load.ts for one of its own. Resolves when the connections are open and the first request is due. */
export async function runLoad(options: LoadOptions): Promise<Running> {
  const mix: Mix = { ...theMix, ...options.mix };
  const { targets, host = 'shop.example.com', run = `run-${randomBytes(4).toString('hex')}` } = options;
  if (targets.length === 0) throw new Error('a load needs a target');
  targets.forEach(addressOf);
  const random = seeded(options.seed ?? 1);
  const proxies = new Map<string, DelayProxy>();
  if (mix.delay > 0) {
    for (const to of targets) proxies.set(to, await startDelayProxy({ to, delay: mix.delay }));
  }
  const doorOptions = {
    targets,
    through: new Map([...proxies].map(([target, { address }]) => [target, address])),
    connections: mix.connections,
    host,
    random: seeded((options.seed ?? 1) + 1), // its own: which connections are idle is chance, what is asked for is not
    ...(options.ca !== undefined && { tls: { ca: options.ca } }),
  };
  const door: Door = options.http2 ? new Sessions(doorOptions) : new Connections(doorOptions);
  await door.open();

  const visits = new Visits(mix, options.releases, run, random);
  const tally = new Tally();
  const users = options.users === undefined ? undefined : new Users(options.users, seeded((options.seed ?? 1) + 2));
  const onTheWay = new Set<Promise<void>>();
  const startedAt = Date.now();
  const zero = performance.now();
  const cpu = process.cpuUsage();
  const now = (): number => performance.now() - zero;

  const send = (visit: Visit, at: number): void => {
    tally.sent(visit.kind, at);
    const sent: Promise<void> = exchange(visit, at).finally(() => onTheWay.delete(sent));
    onTheWay.add(sent);
  };
  const exchange = async (visit: Visit, at: number): Promise<void> => {
    const user = users?.take();
    const { headers } = visit.ask;
    const got = await door.ask(
      user === undefined ? visit.ask : { ...visit.ask, headers: { ...headers, ...user.headers } },
    );
    user?.met(got.kind === 'lost' ? {} : got.headers);
    const url = `${visit.ask.method} ${options.ca === undefined ? 'http' : 'https'}://${got.target}${visit.ask.path}`;
    const fail = (kind: string, detail: string): void => tally.failed({ kind, at, url, detail }, visit.order);
    if (got.kind === 'lost') return fail(got.loss, got.detail);
    if (got.status !== visit.status) return fail(`status ${got.status}`, start(got.body.toString()));
    const { wrong, release, stylesheet } = visit.check(got);
    if (wrong !== null) return fail('wrong answer', wrong);
    tally.answered(visit.kind, at, now() - at, release, visit.order);
    if (stylesheet !== undefined) follow(stylesheet);
  };
  const later = new Set<NodeJS.Timeout>();
  const named = new Set<string>();
  const follow = (path: string): void => {
    const first = !named.has(path);
    named.add(path);
    if (!first && random() >= mix.shares.static / mix.shares.page) return;
    if (first || random() < 0.5) return send(visits.stylesheet(path), now());
    const timer = setTimeout(() => {
      later.delete(timer);
      send(visits.stylesheet(path), now());
    }, random() * mix.fetchWithin);
    later.add(timer);
  };

  // What is on the schedule is all but the stylesheets, which follow their pages.
  const gap = 1000 / (mix.rate * (1 - mix.shares.static));
  const until = (options.seconds ?? Infinity) * 1000;
  let number = 0;
  let due = random() * gap;
  let timer: NodeJS.Timeout;
  const tick = (): void => {
    for (; due <= now() && due < until; number += 1, due = (number + random()) * gap) {
      send(visits.make(draw(mix, random()), number), due);
    }
    if (due >= until) void end();
    else timer = setTimeout(tick, Math.max(1, due - now()));
  };
  let report: Promise<Report> | null = null;
  const { promise: done, resolve } = Promise.withResolvers<Report>();
  const finish = async (): Promise<Report> => {
    clearTimeout(timer);
    for (const waiting of later) clearTimeout(waiting);
    const seconds = Math.min(now(), until) / 1000;
    while (onTheWay.size > 0) await Promise.all(onTheWay);
    for (const waiting of later) clearTimeout(waiting);
    const { user, system } = process.cpuUsage(cpu);
    const share = (user + system) / 1000 / now();
    door.close();
    for (const proxy of proxies.values()) await proxy.close();
    const frame = { run, targets, startedAt, seconds, cpu: Math.round(share * 1000) / 1000 };
    return { ...tally.report(frame, door.counts), ...(users === undefined ? {} : { sides: users.sides }) };
  };
  const end = (): Promise<Report> => {
    if (report === null) resolve((report = finish()));
    return report;
  };
  tick();
  return { live: () => tally.live(now()), stop: end, done };
}

function draw(mix: Mix, at: number): Exclude<Kind, 'static'> {
  const kinds = ['page', 'slow', 'order', 'upload'] as const;
  let left = at * kinds.reduce((sum, kind) => sum + mix.shares[kind], 0);
  return kinds.find((kind) => (left -= mix.shares[kind]) < 0) ?? 'page';
}
