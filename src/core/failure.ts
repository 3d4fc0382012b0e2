import type { Outcome } from './outcome.ts';
import { SCRIPT_EXIT } from './outcome.ts';

/** What a person is told when a step on a host failed: what happened, where, doing what, the end of its output, what to do next. */
export interface Failure {
  readonly host: string;
  /** The sentence of the step that failed. */
  readonly doing: string;
  readonly what: string;
  /** The last lines of what was printed, made safe to show. */
  readonly output: readonly string[];
  readonly next: string;
}

const SHOWN_LINES = 20;

/** The last lines of an output, without terminal escapes or other control characters: hosts print what they like. */
export function tail(output: string, lines = SHOWN_LINES): string[] {
  return output
    .replaceAll('\r', '\n')
    .split('\n')
    .map((line) => printable(line).trimEnd().slice(0, 400))
    .filter((line) => line !== '')
    .slice(-lines);
}

/** Without terminal escapes and control characters. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replaceAll(
    /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    '',
  );
}

/** What happened to a command, in words. */
export function ending(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'exited':
      return outcome.code === 0 ? 'ended well' : `ended with exit code ${outcome.code}`;
    case 'signalled':
      return `was ended by ${outcome.signal}`;
    case 'timed out':
      return `was still running after ${seconds(outcome.after)}; what it has done by now is not known`;
    case 'lost':
      return `lost its ssh connection (${outcome.reason}); what it has done by now is not known`;
  }
}

export const seconds = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** The failure of a script. */
export function scriptFailure(host: string, doing: string, outcome: Outcome, next?: string): Failure {
  const output = tail(`${outcome.stdout}\n${outcome.stderr}`);
  const fenced = outcome.kind === 'exited' && outcome.code === SCRIPT_EXIT.fenced;
  return {
    host,
    doing,
    what: ending(outcome),
    output,
    next: fenced
      ? 'Another operator has taken over this fleet. Look with `orchestrate status`; this one changes nothing more.'
      : (next ?? remedy(outcome, output)),
  };
}

function remedy(outcome: Outcome, output: readonly string[]): string {
  const text = output.join('\n');
  if (/No space left on device|Disk quota exceeded/.test(text))
    return 'Make room on that host (`orchestrate prune` removes old releases), then run the same command again.';
  if (/Permission denied|Operation not permitted/.test(text))
    return '`orchestrate check` names the missing right and the line that mends it.';
  if (outcome.kind === 'lost' || outcome.kind === 'timed out')
    return 'Look at the host, then run `orchestrate status`: it tells what is so.';
  return 'Mend what the output above names, then run the same command again.';
}

/** A failure as lines of plain text. */
export function story(failure: Failure): string[] {
  return [
    `${failure.host}: ${failure.doing}: ${failure.what}`,
    ...failure.output.map((line) => `    ${line}`),
    `  What to do: ${failure.next}`,
  ];
}

/** The user's kind of failure: a sentence and the next step, and the exit code that goes with it. */
export class Refusal extends Error {
  readonly exit: number;
  readonly next: string;
  readonly details: readonly string[];
  constructor(exit: number, message: string, next: string, details: readonly string[] = []) {
    super(message);
    this.name = 'Refusal';
    this.exit = exit;
    this.next = next;
    this.details = details;
  }
}

/** A Failure on its way up. */
export class Failed extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(`${failure.host}: ${failure.doing}: ${failure.what}`);
    this.name = 'Failed';
    this.failure = failure;
  }
}
