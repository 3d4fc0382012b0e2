import { readFile } from 'node:fs/promises';

/** A moment of a roll: before a call on a host is sent, within it, or when it has ended and the program does not know it yet. */
export interface Moment {
  readonly when: 'before' | 'within' | 'after';
  readonly script: string;
  /** The how manieth call of that script; those of one step on several hosts are counted in the inventory's order. */
  readonly number: number;
}

/** A script as a roll calls it. */
interface Called {
  readonly script: string;
  /** On which hosts, in order; a list is one step. */
  readonly on: readonly string[];
  /** Whether it changes something: then it is also met within it and after it. */
  readonly changes: boolean;
  /** Milliseconds after its start that lie within it. */
  readonly within: number;
}

const BALANCERS = ['lb1', 'lb2'] as const;
const BACKENDS = ['web1', 'web2'] as const;
const HOSTS = [...BALANCERS, ...BACKENDS];
const changing = (script: string, within: number, ...on: readonly string[]): Called => ({
  script,
  on,
  changes: true,
  within,
});
const looking = (script: string, ...on: readonly string[]): Called => ({ script, on, changes: false, within: 5 });

/**
 * What a roll of one batch a host calls on two balancers and two backends, in order; that this is all is tested. What a command looks at
 * between is no moment of its own; the lease is renewed and the journal sent by the clock.
 */
export const ROLL: readonly Called[] = [
  changing('lease-acquire', 15, ...BALANCERS),
  changing('fence', 10, ...HOSTS),
  looking('preflight', ...HOSTS),
  changing('receive-source', 30, 'web1'),
  changing('virtualenv', 10, 'web1'),
  changing('build', 700, 'web1'),
  looking('pack', 'web1'),
  changing('unpack', 40, 'web2'),
  looking('migrations', 'web1'),
  changing('rehearse', 500, 'web1'),
  looking('pack-static', 'web1'),
  changing('publish-static', 60, ...BALANCERS),
  changing('prepare', 30, ...BALANCERS, ...BALANCERS, ...BALANCERS),
  changing('flip', 20, ...BALANCERS, ...BALANCERS, ...BALANCERS),
  looking('awaiting', ...BALANCERS, ...BALANCERS),
  looking('drained', ...BACKENDS),
  changing('switch', 400, ...BACKENDS),
  changing('prune-releases', 40, ...BACKENDS),
  changing('prune-static', 30, ...BALANCERS),
  changing('lease-release', 15, ...BALANCERS),
];

/** Of no moment of their own. */
export const ASIDE = ['observe-balancer', 'observe-backend', 'log-tail', 'lease-renew', 'journal'];

/** Every boundary between steps, and before, within and after each change on each host. */
export const MOMENTS: readonly Moment[] = ROLL.flatMap(({ script, on, changes }) =>
  on.flatMap((_, index): Moment[] => {
    const call = { script, number: index + 1 };
    if (!changes) return [{ when: 'before', ...call }];
    return [
      { when: 'before', ...call },
      { when: 'within', ...call },
      { when: 'after', ...call },
    ];
  }),
);

/** The host of a call. */
export function hostOf({ script, number }: Moment): string {
  const host = ROLL.find((each) => each.script === script)?.on[number - 1];
  if (host === undefined) throw new Error(`a roll has no ${script} ${number}`);
  return host;
}

/** As at-call.ts takes it. */
export function formatMoment({ when, script, number }: Moment): string {
  const { within = 20 } = ROLL.find((each) => each.script === script) ?? {};
  return `${when} ${script} ${number}${when === 'within' ? ` ${within}` : ''}`;
}

/** How often each script was called, by the log of at-call.ts. */
export async function countCalls(log: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const line of (await readFile(log, 'utf8')).split('\n')) {
    const [when, script = ''] = line.split(' ');
    if (when === 'before') counts.set(script, (counts.get(script) ?? 0) + 1);
  }
  return counts;
}
