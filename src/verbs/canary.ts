import type { Change } from '../change.ts';
import { parseFollowed, type Followed } from '../core/canary/followed.ts';
import { accessLogFields } from '../core/checks/access-log.ts';
import { Refusal } from '../core/failure.ts';
import { ending } from '../core/failure.ts';
import { succeeded } from '../core/outcome.ts';
import { serverAddress } from '../core/routing/address.ts';
import { planCanary } from '../core/planning/canary.ts';
import { planAbort, planPromote, planShare, planSpare } from '../core/planning/split.ts';
import { planRest } from '../core/planning/rest.ts';
import type { Split } from '../core/record.ts';
import { histogram, NO_TIMES, plus, totalOf, type Histogram } from '../core/verdict/bins.ts';
import { ConnectError } from '../fleet/ports.ts';
import { lookAt } from '../look-at.ts';
import type { FleetView } from '../core/fleet.ts';
import type { Opened } from '../open.ts';
import { eachHost } from '../roll.ts';
import { guardedBy, saidBy, type NowFlags } from './guarded.ts';
import { limitedBackends } from './named.ts';
import { commitWish } from './roll.ts';

export interface CanaryFlags extends NowFlags {
  readonly ref?: string;
  /** Milliseconds. */
  readonly hold?: number;
  /** Of a hundred. */
  readonly steps?: readonly number[];
  readonly promote?: Split['promote'];
  /** Backends with one slot that are to serve it. */
  readonly hosts?: string;
}

const DEADLINE = 30_000;
/** Lines at the end of a log that are read for what users met lately. */
const LINES = '200000';
/** So many times are needed to know how slow the slowest hundredth is. */
const ENOUGH_TIMES = 1000;

/** What users met before a canary, on all balancers together. */
export interface Before {
  /** Requests a second; 0: none were seen. */
  readonly perSecond: number;
  readonly requests: number;
  readonly errors: number;
  /** The bin of the slowest hundredth, where enough is known. */
  readonly t99?: number;
  /** The part of the requests that came from one address, of 1. */
  readonly top: number;
}

/** A canary as a change. Rejects with `Refusal` (exit 2) when the commit can't be read, flags don't go together or the log does not tell enough. */
export async function canaryChange(
  opened: Opened,
  share: number | undefined,
  flags: CanaryFlags,
): Promise<{ readonly change: Change; readonly before: Before; readonly seen: FleetView }> {
  const { inventory } = opened;
  const guarded = guardedBy(opened, flags);
  const ref = flags.ref ?? inventory.build.ref;
  const { of, warnings } = await commitWish(opened, ref);
  const seen = await lookAt(opened);
  const before = await beforeCanary(opened);
  const steps = flags.steps ?? (share === undefined ? inventory.canary.steps : []);
  const [first = share ?? inventory.canary.share, ...more] = steps;
  const wish = {
    of,
    shares: [first, ...more] as const,
    hold: flags.hold ?? inventory.canary.hold,
    promote: flags.promote ?? inventory.canary.promote,
    ...(before.t99 === undefined ? {} : { t99: before.t99 }),
    ...(flags.hosts === undefined ? {} : { hosts: limitedBackends(inventory, { hosts: flags.hosts }) }),
    warnings: [...opened.doubts, ...warnings],
  };
  const told = steps.length > 0 ? ` --steps ${steps.map((each) => `${each}%`).join(',')}` : '';
  const change: Change = {
    command: `canary ${first}% --ref ${ref}${told}${flags.hosts === undefined ? '' : ` --hosts ${flags.hosts}`}${saidBy(guarded)}`,
    guarded,
    plan: (view, author) => planCanary(inventory, view, { ...wish, shares: [first, ...more] }, author),
    back: (view, author, _failed, givenUp) => planAbort(inventory, view, author, givenUp),
  };
  return { change, before, seen };
}

/** Another share of the users; 0: everybody to the baseline for a while. */
export const shareChange = ({ inventory }: Opened, command: string, share: number): Change => ({
  command,
  plan: (view, author) => planShare(inventory, view, share, author),
  back: (view, author, _failed, givenUp) => planRest(inventory, view, givenUp, author),
});

/** Everybody over to the canary. It keeps to windows and freezes, as what begins a release does. */
export const promoteChange = (opened: Opened, flags: NowFlags): Change => {
  const guarded = guardedBy(opened, flags);
  return {
    command: `canary promote${saidBy(guarded)}`,
    guarded,
    plan: (view, author) => planPromote(opened.inventory, view, author),
    back: (view, author, _failed, givenUp) => planRest(opened.inventory, view, givenUp, author),
  };
};

export const abortChange = ({ inventory }: Opened, command = 'canary abort'): Change => ({
  command,
  plan: (view, author) => planAbort(inventory, view, author),
  back: (view, author, _failed, givenUp) => planAbort(inventory, view, author, givenUp),
});

/** Hosts whose canary answers no more are left out of it. */
export const spareChange = ({ inventory }: Opened, hosts: readonly string[]): Change => ({
  command: `canary without ${hosts.join(',')} (unwell)`,
  plan: (view, author) => planSpare(inventory, view, hosts, author),
  back: (view, author, _failed, givenUp) => planAbort(inventory, view, author, givenUp),
});

/** What users met in the last hour, by the ends of the access logs. Rejects with `Refusal` where a log does not tell what a canary needs. */
async function beforeCanary(opened: Opened): Promise<Before> {
  const { inventory, remote } = opened;
  const { nginx } = inventory;
  const addresses = inventory.backends.flatMap((backend) => backend.slots.map((port) => serverAddress(backend, port)));
  const told = await eachHost(inventory.balancers, inventory.ssh.concurrency, async ({ name }) => {
    const call = {
      host: name,
      name: 'orchestrate-before-canary',
      text: opened.script('before-canary'),
      args: [nginx.access_log, inventory.health.path, LINES, ...addresses],
      deadline: DEADLINE,
    };
    const outcome = await remote.run(call).catch((error: unknown) => {
      if (!(error instanceof ConnectError)) throw error;
      throw new Refusal(
        3,
        `${error.message}, and a canary is judged by its access log; nothing was changed.`,
        error.remedy,
      );
    });
    if (!succeeded(outcome))
      throw new Refusal(
        3,
        `${name}: its access log ${nginx.access_log} can't be read (${ending(outcome)}), and a canary is judged by it; nothing was changed.`,
        `\`orchestrate check\` says what is missing. The site writes it with: access_log ${nginx.access_log} orchestrate_${inventory.app};`,
        outcome.stderr.split('\n').filter(Boolean).slice(-3),
      );
    return { name, ...readBefore(outcome.stdout) };
  });
  for (const { name, window } of told)
    if (window !== undefined && window.strange > 0 && window.lines === 0)
      throw new Refusal(
        3,
        `${name}: ${nginx.access_log} is not of the format that a canary is judged by (${accessLogFields.join(', ')}); nothing was changed.`,
        `In the site's server block: access_log ${nginx.access_log} orchestrate_${inventory.app}; (then nginx -t && nginx -s reload)`,
      );
  let [perSecond, requests, errors, lines, top] = [0, 0, 0, 0, 0];
  let times: Histogram = NO_TIMES;
  for (const { window, seconds } of told) {
    if (window === undefined) continue;
    const sum = window.upstreams.reduce((all, { n }) => all + n, 0);
    perSecond += seconds > 0 ? sum / seconds : 0;
    requests += sum;
    errors += window.upstreams.reduce((all, { errors_all: some }) => all + some, 0);
    lines += window.lines;
    top += window.top;
    for (const upstream of window.upstreams) times = plus(times, histogram(upstream.times));
  }
  const t99 = totalOf(times) >= ENOUGH_TIMES ? slowest(times) : undefined;
  return { perSecond, requests, errors, ...(t99 === undefined ? {} : { t99 }), top: lines === 0 ? 0 : top / lines };
}

/** The bin above which at most a hundredth of the times are. */
function slowest(times: Histogram): number {
  const most = totalOf(times) / 100;
  let above = 0;
  for (let bin = times.length - 1; bin >= 0; bin -= 1) {
    above += times[bin] ?? 0;
    if (above > most) return bin;
  }
  return 0;
}

function readBefore(output: string): { readonly window: Followed | undefined; readonly seconds: number } {
  const [, first = '0', now = '0', line = ''] = /^first (\d{1,15})\nnow (\d{1,15})\n([^\n]*)/.exec(output) ?? [];
  return { window: parseFollowed(line), seconds: Number(now) - Number(first) };
}
