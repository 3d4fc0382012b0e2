import type { Event } from '../core/event.ts';
import { inHand, lastOut, type History, type Past, type Told, type Unasked } from '../core/history.ts';
import { plain } from './plain.ts';
import { clean, cut, table } from './words.ts';

/** Columns of the list's hosts and commands. */
const WIDE = 40;

/** `history` for people. */
export function historyLines({ app, commands, unasked }: History): string[] {
  const rows = commands.map((past) => [
    String(past.number),
    when(past.began),
    past.by ?? '?',
    cut(clean(past.command ?? '? (its first line can not be read)'), WIDE),
    howItEnded(past),
    cut(clean(past.hosts.join(' ')), WIDE),
  ]);
  return [
    ...(rows.length === 0
      ? [`${app}: no command has changed anything yet, or the history of it is gone.`]
      : [
          ...table([
            ['NUMBER', 'WHEN (UTC)', 'WHO', 'COMMAND', 'ENDED', 'HOSTS'],
            ...rows.map((row) => row.map(clean)),
          ]),
        ]),
    ...missed(unasked),
    ...(rows.length === 0 ? [] : ['`orchestrate history show NUMBER` tells one of them, step by step.']),
  ].map(clean);
}

function howItEnded(past: Past): string {
  if (past.state === 'ended') return past.exit === 0 ? 'done' : `exit ${past.exit}`;
  const word = past.lastWord === null ? '' : ` (last word at ${when(past.lastWord)})`;
  return past.state === 'died' ? `died${word}` : `at work${word}`;
}

/** `history show` for people: what was told at the time, each line with its time; then host by host, where it came to no end. */
export function toldLines(told: Told & { readonly unasked: readonly Unasked[] }): string[] {
  const { number, events, strange, balancer, state } = told;
  const [first] = events;
  const began = events.find((event) => event.type === 'began');
  const lines: string[] = [];
  const tell = plain((text) => lines.push(text.trimEnd()), false);
  let day = first?.at.slice(0, 10);
  for (const event of events) {
    if (event.at.slice(0, 10) !== day) {
      day = event.at.slice(0, 10);
      lines.push(day);
    }
    tell(event);
  }
  return [
    began?.type === 'began'
      ? `${number}: \`${began.command}\` by ${began.by}, ${when(began.at)} UTC (from ${balancer})`
      : `${number}: a command whose beginning can't be read (from ${balancer})`,
    '',
    ...lines,
    ...(strange === 0 ? [] : ['', `${strange} line${strange === 1 ? '' : 's'} of it can't be read.`]),
    ...(state === 'ended' ? [] : ['', ...withoutEnd(told)]),
    ...missed(told.unasked),
  ].map(clean);
}

function withoutEnd({ events, state }: Told): string[] {
  const last = events.at(-1)?.at;
  const out = lastOut(events);
  const open = inHand(events);
  return [
    state === 'at work'
      ? 'It is at work: its lease lives.'
      : `It died: its last word came at ${when(last ?? null)} UTC. What is so now, \`orchestrate status\` tells.`,
    ...(out.length === 0 ? [] : [`Out of rotation by its last word: ${out.join(', ')}.`]),
    ...(open.length === 0 ? [] : ['In hand, and no end of it is known:']),
    ...table(open.map(({ host, say, at }) => [`  ${host}`, say, `since ${at.slice(11, 19)}`])),
    ...(state === 'died' ? hosts(events) : []),
  ];
}

/** The last that is known of each host. */
function hosts(events: readonly Event[]): string[] {
  const last = new Map<string, { say: string; at: string }>();
  for (const event of events)
    if (event.type === 'step' && (event.state === 'done' || event.state === 'failed'))
      last.set(event.host, { say: event.state === 'done' ? event.say : `${event.say}: FAILED`, at: event.at });
  if (last.size === 0) return [];
  return [
    'The last that was done:',
    ...table([...last].map(([host, { say, at }]) => [`  ${host}`, say, `at ${at.slice(11, 19)}`])),
  ];
}

const missed = (unasked: readonly Unasked[]): string[] =>
  unasked.map(({ balancer, reason }) => `! ${balancer} could not be asked: ${reason}`);

const when = (at: string | null): string => (at === null ? '?' : `${at.slice(0, 10)} ${at.slice(11, 19)}`);
