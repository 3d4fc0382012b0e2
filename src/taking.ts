import { Busy, Refusal, scriptFailure } from './core/failure.ts';
import { formatDetails, parseLease, refusalOf, remaining, TERM, type Lease, type LeaseDetails } from './core/lease.ts';
import { SCRIPT_EXIT, succeeded, type Outcome } from './core/outcome.ts';
import { ConnectError } from './fleet/ports.ts';
import type { Opened } from './open.ts';

const DEADLINE = 15_000;
/** Milliseconds between two tries, while another holds it. */
const AGAIN = 1000;
/** How often a token may be raised before it is told. */
const OVERTAKEN = 5;

export interface Taking {
  readonly holder: string;
  /** The lowest under which it is asked for. */
  readonly token: number;
  readonly details: LeaseDetails;
  /** Milliseconds for which another's lease is waited for. */
  readonly wait: number;
  /** Takes it over from whoever holds it. */
  readonly breaks: boolean;
  /** Aborted by Ctrl-C, which ends the waiting. */
  readonly stop: AbortSignal;
}

export interface Taken {
  /** When it was asked for, in ticks: a term runs from then, at the latest. */
  readonly asked: number;
  /** What it was given under: `token`, or a higher one. */
  readonly token: number;
}

/** Runs lease.sh on a balancer. */
export function lease(opened: Opened, host: string, args: readonly string[]): Promise<Outcome> {
  const text = opened.script('lease');
  return opened.remote.run({ host, name: 'orchestrate-lease', text, args, deadline: DEADLINE, urgent: true });
}

/** Gives the lease up on these balancers. Does not reject. */
export async function giveUp(
  opened: Opened,
  hosts: readonly string[],
  { holder, token }: Pick<Taking, 'holder' | 'token'>,
): Promise<void> {
  const args = ['release', opened.inventory.nginx.folder, holder, String(token)];
  await Promise.allSettled(hosts.map((host) => lease(opened, host, args)));
}

/**
 * Takes the lease on these balancers in their order, all or none, so that two operators never hold half each. Where another holds it, it
 * is tried again until `wait` is over. Rejects with `Refusal` (exit 3).
 */
export async function takeLeases(opened: Opened, hosts: readonly string[], taking: Taking): Promise<Taken> {
  const { clock } = opened;
  const end = clock.ticks() + taking.wait;
  let { token } = taking;
  let told = '';
  for (let overtaken = 0; ;) {
    const asked = clock.ticks();
    // oxlint-disable-next-line no-await-in-loop -- one try after the other
    const not = await tryOnce(opened, hosts, { ...taking, token });
    if (not === undefined) return { asked, token };
    token = Math.max(token, not.token + 1);
    // Somebody had it and gave it up since the fleet was looked at: only the number was too low.
    if (not.who === undefined && (overtaken += 1) < OVERTAKEN) continue;
    if (not.who === undefined || clock.ticks() + AGAIN > end) throw not.refusal;
    if (not.who !== told) {
      opened.emit({ type: 'note', text: `Waiting for the lease: ${not.refusal.message}.` });
      told = not.who;
    }
    // oxlint-disable-next-line no-await-in-loop
    await clock.sleep(AGAIN, taking.stop);
  }
}

interface NotTaken {
  /** Who holds it; undefined: nobody, the token was too low. */
  readonly who: string | undefined;
  /** The highest that the balancer has seen. */
  readonly token: number;
  readonly refusal: Refusal;
}

/** undefined: it is ours on all. */
async function tryOnce(opened: Opened, hosts: readonly string[], taking: Taking): Promise<NotTaken | undefined> {
  const { holder, token, details, breaks } = taking;
  const folder = opened.inventory.nginx.folder;
  const args = [breaks ? 'break' : 'acquire', folder, holder, String(token), String(TERM), formatDetails(details)];
  const taken: string[] = [];
  try {
    for (const host of hosts) {
      // Before it is: whether it was given may never be told.
      taken.push(host);
      // oxlint-disable-next-line no-await-in-loop -- in a fixed order
      const outcome = await lease(opened, host, args);
      if (succeeded(outcome)) continue;
      const not = notTaken(host, outcome);
      // oxlint-disable-next-line no-await-in-loop
      await giveUp(opened, taken, taking);
      return not;
    }
    return undefined;
  } catch (error) {
    await giveUp(opened, taken, taking);
    throw error instanceof ConnectError
      ? new Refusal(3, `${error.host}: the lease could not be taken: ${error.message}`, error.remedy)
      : error;
  }
}

/** Why lease.sh did not give it. Throws `Refusal` where it is neither another's nor a number that was too low. */
function notTaken(host: string, outcome: Outcome): NotTaken {
  const shown = leaseShown(outcome.stdout);
  const code = outcome.kind === 'exited' ? outcome.code : undefined;
  const fence = Number(/^fence ([0-9]{1,15}) /m.exec(outcome.stdout)?.[1] ?? 0);
  const token = Math.max(fence, shown?.lease.token ?? 0);
  if (code === SCRIPT_EXIT.busy && shown !== undefined)
    return { who: shown.lease.holder, token, refusal: busy(host, shown) };
  const refusal = refusalOfScript(host, outcome);
  if (code === SCRIPT_EXIT.fenced) return { who: undefined, token, refusal };
  throw refusal;
}

const busy = (host: string, { lease: other, left }: Shown): Refusal =>
  new Busy(
    3,
    refusalOf(other, host, left),
    'Wait until it is done. A lease whose holder died ends by itself. (--wait 10m waits for it; `orchestrate lease break` takes it over.)',
  );

/** A lease as lease.sh told it. */
interface Shown {
  readonly lease: Lease;
  /** Seconds. */
  readonly left: number;
}

/** What lease.sh tells of a balancer's lease; undefined: there is none, or it can't be read. */
function leaseShown(stdout: string): Shown | undefined {
  const line = /^lease (.+)$/m.exec(stdout)?.[1];
  const boot = /^boot (\S+)$/m.exec(stdout)?.[1];
  const uptime = Number(/^uptime ([0-9.]+)$/m.exec(stdout)?.[1]);
  const read = line === undefined ? undefined : parseLease(line);
  if (read === undefined || !('lease' in read) || boot === undefined) return undefined;
  return { lease: read.lease, left: remaining(read.lease, { boot, uptime }) };
}

function refusalOfScript(name: string, outcome: Outcome): Refusal {
  const failure = scriptFailure(name, 'take the lease', outcome);
  return new Refusal(3, `${name}: the lease could not be taken: ${failure.what}`, failure.next, failure.output);
}
