import type { Event } from '../core/event.ts';
import { story } from '../core/failure.ts';
import { lengthText } from '../core/window-words.ts';
import { canaryLine } from './canary.ts';
import { clean, lasting, summaryLines } from './words.ts';

/** Lines with the time in front, for logs, CI and pipes. `verbose` adds what the hosts print while they work. */
export function plain(write: (text: string) => void, verbose: boolean): (event: Event) => void {
  return (event) => {
    for (const line of lines(event, verbose)) write(`${event.at.slice(11, 19)}  ${clean(line)}\n`);
  };
}

function lines(event: Event, verbose: boolean): string[] {
  switch (event.type) {
    case 'began':
      return [`${event.app}: ${event.title}`];
    case 'note':
      return [`note: ${event.text}`];
    case 'waiting':
      return event.left > 0 ? [`${event.text}, in ${lengthText(event.left)}`] : [];
    case 'phase':
      return [`[${event.number}/${event.of}] ${event.title}`];
    case 'step':
      return step(event);
    case 'output':
      return verbose ? [`    ${event.host} | ${event.line}`] : [];
    case 'rotation':
      return [
        `in rotation: ${event.in.length} of ${event.in.length + event.out.length}${event.out.length > 0 ? `; out: ${event.out.join(', ')}` : ''}`,
      ];
    case 'failed':
      return ['FAILED', ...story(event.failure)];
    case 'going back':
      return [`GOING BACK: ${event.title}`];
    case 'canary':
      return [canaryLine(event)];
    case 'finished':
      return summaryLines(event.summary);
  }
}

function step(event: Extract<Event, { type: 'step' }>): string[] {
  if (event.state === 'started' || event.state === 'skipped') return [];
  const took = event.took === undefined ? '' : ` (${lasting(event.took)})`;
  if (event.state === 'failed') return [`  ${event.host}: ${event.say}: FAILED${took}`];
  // What a script says last often says the step's sentence again.
  const told = event.note === undefined || event.say.includes(event.note) ? '' : ` · ${event.note}`;
  return [`  ${event.host}: ${event.say}${told}${took}`];
}
