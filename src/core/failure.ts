import type { Outcome } from './outcome.ts';
import { SCRIPT_EXIT } from './outcome.ts';
import { printable } from './printable.ts';

export { printable };

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

/** The last lines of an output, without terminal escapes or other control characters: hosts print what they like. A line that is said again and again is told once. */
export function tail(output: string, lines = SHOWN_LINES): string[] {
  const told: { line: string; times: number }[] = [];
  for (const line of withoutHalt(shown(output))) {
    const last = told.at(-1);
    if (last?.line === line) last.times += 1;
    else told.push({ line, times: 1 });
  }
  return told.slice(-lines).map(({ line, times }) => (times === 1 ? line : `${line} (${times} times)`));
}

/**
 * Without the traceback with which Gunicorn's master ends when its workers do not start: it is longer than the application's own, which
 * stands before it and tells why.
 */
function withoutHalt(lines: readonly string[]): string[] {
  const kept: string[] = [];
  // Where the traceback that is being read begins among those that are kept.
  let begin = -1;
  for (const line of lines) {
    const header = /^\s*Traceback \(most recent call last\):$/.test(line);
    if (header) begin = kept.length;
    kept.push(line);
    if (header || begin < 0 || /^\s/.test(line)) continue;
    if (line.startsWith('gunicorn.errors.HaltServer: ')) kept.splice(begin, kept.length - begin - 1);
    begin = -1;
  }
  return kept;
}

/** The first lines of an output, made safe in the same way. */
export const head = (output: string, lines: number): string[] => shown(output).slice(0, lines);

function shown(output: string): string[] {
  return output
    .replaceAll('\r', '\n')
    .split('\n')
    .map((line) => printable(line).trimEnd().slice(0, 400))
    .filter((line) => line !== '');
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

const seconds = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/**
 * The failure of a script. Its last word on standard error is why it gave up: that is said first.
 * @param hint a way out that the plan knew of, of a script that did what it could
 */
export function scriptFailure(host: string, doing: string, outcome: Outcome, hint?: string): Failure {
  const why = outcome.kind === 'exited' ? tail(outcome.stderr, 1)[0] : undefined;
  const output = tail(`${outcome.stdout}\n${outcome.stderr}`, FULL.test(outcome.stderr) ? 4 : SHOWN_LINES);
  const fenced = outcome.kind === 'exited' && outcome.code === SCRIPT_EXIT.fenced;
  const tried = outcome.kind === 'exited' && outcome.code === 1;
  return {
    host,
    doing,
    what: why ?? ending(outcome),
    output: why !== undefined && output.at(-1) === why ? output.slice(0, -1) : output,
    next: fenced
      ? 'Another operator has taken over this fleet. Look with `orchestrate status`; this one changes nothing more.'
      : [remedy(outcome, output.join('\n')), ...(tried && hint !== undefined ? [hint] : [])].join(' '),
  };
}

/** Said for every file that is written then: a few lines will do. */
const FULL = /No space left on device|Disk quota exceeded/;
const CROWDED = new RegExp(`${FULL.source}|only [0-9]+ kB are free`);

/** What mends what a script said; the first that fits. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /: 0 kB are free there/,
    'That disk is full, and not even `orchestrate prune` can begin: remove something there by hand, then run the same command again.',
  ],
  [CROWDED, 'Make room on that host (`orchestrate prune` removes old releases), then run the same command again.'],
  [
    /no wrapper runs for port/,
    '`orchestrate check` has the line that installs it; where it is installed, its manager tells why it does not run (`supervisorctl status`, `systemctl status`). With two slots, one will do for that host: `slots: [PORT]` beside its address.',
  ],
  [/; as root: /, 'Run that line there, then the same command again. `orchestrate check` tests every other right.'],
  [
    /Permission denied|Operation not permitted|can(?:no|')t write|a password is required/,
    '`orchestrate check` names the missing right and the line that mends it.',
  ],
  [
    /pip could not install/,
    'Mend the requirements and commit; or let pip on that host reach what it lacks (`pip config list` shows where it looks). Then roll again.',
  ],
  [
    /the application ended/,
    'It could not start: what it said stands above. Mend the release and commit, then roll again. (Started by hand it stays in the foreground: so must rehearse.command.) One that only cannot run beside the release that serves (both want one lock file, one fixed port) needs rehearse.on: none and one slot a host.',
  ],
];

function remedy(outcome: Outcome, said: string): string {
  const answered = / answered ([0-9]{3}) where [0-9]{3} was wanted/.exec(said)?.[1];
  if (answered !== undefined) return healthRemedy(Number(answered));
  const beside = /another application beside the one on port ([0-9]{1,5})/.exec(said)?.[1];
  if (beside !== undefined)
    return `Give that host more memory; or one slot (\`slots: [${beside}]\` beside its address): it then leaves rotation for its own batch.`;
  for (const [pattern, words] of REMEDIES) if (pattern.test(said)) return words;
  if (outcome.kind === 'lost' || outcome.kind === 'timed out')
    return 'Look at the host, then run `orchestrate status`: it tells what is so.';
  return 'Mend what stands above, then run the same command again.';
}

/** What mends an answer that is not the wanted one. `status`: what was answered; undefined: nothing. */
export function healthRemedy(status: number | undefined): string {
  if (status !== undefined && status >= 300 && status < 400)
    return 'A redirect is not health. A site behind TLS often wants health.headers: { X-Forwarded-Proto: https }; or give the path that answers by itself.';
  if (status === 400)
    return 'Django answers 400 where the Host header is not in ALLOWED_HOSTS: health.host must be one that is.';
  return "Look at the end of the application's log above; mend the release (or health.path), then roll again.";
}

/** A failure of this program's own: nothing that an operator or a host did. */
export function faultOf(error: unknown, doing: string): Failure {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    host: 'orchestrate',
    doing,
    what: `a fault of orchestrate itself: ${error instanceof Error ? error.message : String(error)}`,
    output: tail(stack),
    next: 'Look with `orchestrate status`, and please report it with the lines above.',
  };
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

/** Another has the lease. */
export class Busy extends Refusal {}

/** Windows or a freeze keep it from beginning. */
export class NotNow extends Refusal {
  /** When it may, in milliseconds since the epoch; null where nothing is known to open. */
  readonly opens: number | null;
  constructor(opens: number | null, message: string, next: string, details: readonly string[]) {
    super(3, message, next, details);
    this.opens = opens;
  }
}

/** A job of the service that has been done, by whoever was faster. */
export class JobEnded extends Refusal {
  constructor(job: string) {
    super(3, `The job ${job} has come to its end already; nothing was changed.`, '`orchestrate history` tells how.');
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
