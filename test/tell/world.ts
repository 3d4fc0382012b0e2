import type { Event, EventBody, Summary } from '../../src/core/event.ts';

const AT = '2026-11-23T10:00:00.000Z';

export const at = (body: EventBody): Event => ({ at: AT, ...body });

export const began = (hosts: readonly string[], title = 'v2 (Say hello) on all'): Event =>
  at({ type: 'began', app: 'shop', command: 'roll --ref v2', by: 'ada@laptop', number: 12, title, hosts });

export const rotation = (hosts: readonly string[], out: readonly string[] = []): Event =>
  at({ type: 'rotation', in: hosts.filter((host) => !out.includes(host)), out });

export const batch = (number: number, of: number, hosts: readonly string[], name: 'flip' | 'batch' = 'batch'): Event =>
  at({
    type: 'phase',
    name,
    title:
      name === 'flip' ? `${hosts.join(', ')} out of rotation` : `batch ${number} of ${of}: ${hosts.join(', ')} to v2`,
    number: number * 2 - (name === 'flip' ? 1 : 0),
    of: of * 2 + 1,
    batch: { number, of, hosts },
  });

export const step = (host: string, state: 'started' | 'done' | 'failed', say = `switch ${host} to v2`): Event =>
  at({ type: 'step', host, say, state, ...(state === 'started' ? {} : { took: 1500 }) });

export const finished = (summary: Partial<Summary> = {}, exit = 0): Event =>
  at({ type: 'finished', exit, summary: { sentence: 'Done: v2', hosts: [], took: 9_500, reloads: 0, ...summary } });

export const failed = (output: readonly string[] = []): Event =>
  at({
    type: 'failed',
    failure: {
      host: 'web1',
      doing: 'ask web1: /healthz',
      what: 'answered 503; wanted 200',
      output,
      next: 'Look at the log.',
    },
  });

/** What a host may print to fool who looks: escapes that wipe, colour, retitle, link, and marks that turn the direction of writing. */
export const HOSTILE =
  'ok\u001b[2J\u001b[1;31m\u001b]0;title\u0007\u001b]8;;http://x\u001b\\\r\n\u009b2J\u202egnp.exe\u0000\u0008';

export const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `web${index + 1}`);
