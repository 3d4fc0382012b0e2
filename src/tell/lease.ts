import type { LeaseStatus } from '../verbs/lease.ts';
import { clean } from './words.ts';

/** `lease` for people: a line for each balancer, and what may be done. */
export function leaseLines(leases: readonly LeaseStatus[]): string[] {
  const lines = leases.map(({ balancer, state, by, command, since, ends, reason }) => {
    const who = `${by ?? ''} with \`${command ?? ''}\` since ${since ?? ''}`;
    switch (state) {
      case 'free':
        return `${balancer}: free`;
      case 'held':
        return `${balancer}: held by ${who}; it ends in ${ends ?? 0} s unless it is renewed`;
      case 'lapsed':
        return `${balancer}: free; its last holder died or was cut off: ${who}`;
      case 'unknown':
        return `${balancer}: could not be looked at: ${reason ?? ''}`;
    }
  });
  const next = leases.some(({ state }) => state === 'held')
    ? [
        'A holder who died is gone within 30 s by itself. `orchestrate lease break` takes it over at once, and fences its holder off.',
      ]
    : leases.some(({ state }) => state === 'lapsed')
      ? ['`orchestrate status` tells what was left, `orchestrate resume` goes on, `orchestrate rollback` goes back.']
      : [];
  return [...lines, ...next].map(clean);
}
