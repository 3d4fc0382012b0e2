import type { Status } from '../core/status.ts';
import { clean, table } from './words.ts';

/** `status` for people: the backends, the balancers, then what is not as it should be. */
export function statusLines(status: Status): string[] {
  const backends = status.backends.map((backend) => [
    backend.name,
    backend.rotation,
    backend.running ?? 'no release',
    backend.slot === null ? '' : `port ${backend.slot}`,
    backend.health ?? 'not asked',
    `${backend.since === null ? '' : `since ${backend.since.slice(0, 16).replace('T', ' ')} UTC`}${backend.rotation === 'out' ? `: ${backend.reason ?? 'no reason was given'}` : ''}`,
  ]);
  const balancers = status.balancers.map(({ name, generation, serves }) => [
    name,
    generation === null ? 'no generation yet' : `generation ${generation}`,
    generation === null ? '' : serves ? 'served by Nginx' : 'NOT served by Nginx',
  ]);
  return [
    ...table([['BACKEND', 'ROTATION', 'RUNS', '', 'HEALTH', ''], ...backends]),
    '',
    ...table([['BALANCER', 'ROUTING', ''], ...balancers]),
    '',
    ...(status.unfinished === null
      ? []
      : status.atWork
        ? [`AT WORK: ${status.unfinished}.`]
        : [`UNFINISHED: ${status.unfinished}. \`orchestrate resume\` goes on; \`orchestrate rollback\` goes back.`]),
    ...(status.canary === null ? [] : [besideText(status.canary)]),
    ...status.back.map(
      ({ release, on, until }) =>
        `Going back to ${release} is instant until ${until.slice(0, 19).replace('T', ' ')} UTC${on.length === status.backends.length ? '' : ` on ${on.join(', ')}`}.`,
    ),
    ...(status.drift.length === 0
      ? [`${status.app}: all is as it should be.`]
      : status.drift.map((line) => `! ${line}`)),
  ].map(clean);
}

const besideText = (words: string): string =>
  words.startsWith('A/B')
    ? `${words}. \`orchestrate ab report\` tells what it has come to.`
    : `CANARY: ${words}. \`orchestrate canary status\` tells what it has come to.`;
