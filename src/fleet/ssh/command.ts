import type { Duplex, Readable } from 'node:stream';
import { succeeded } from '../../core/outcome.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { RemoteCall } from '../ports.ts';
import { feed } from './feed.ts';
import type { Feed } from './feed.ts';
import { Marker, Unframed } from './frame.ts';
import { Kept, Lines, LONGEST_OUTPUT } from './kept.ts';
import { neverBegan } from './refusal.ts';

/** The server opened no channel for the command: nothing was sent. */
export class NoSession extends Error {}

/** What a command needs of a channel: a stream to its standard input and from its output, its status as `exit` (code, signal), `close` at the end. */
export interface Channel extends Duplex {
  readonly stderr: Readable;
  signal(name: string): void;
  close(): void;
}

/** What a command needs of a connection, or of this machine (local.ts). */
export interface Exec {
  /** Why it went; undefined: it is there. */
  readonly lost: string | undefined;
  /** Calls once when it goes. Returns how to stop listening. */
  whenLost(tell: (reason: string) => void): () => void;
  /** Starts a command; throws where nothing was sent. */
  exec(line: string, done: (error: (Error & { reason?: unknown }) | undefined, channel: Channel) => void): void;
  destroy(reason: string): void;
}

/** Of a call that was not sent nothing went in and nothing comes out: whoever is at the other end of its streams must not wait. */
export function leaveStreams({ input, output }: Pick<RemoteCall, 'input' | 'output'>, error: unknown): void {
  output?.on('error', () => {}).destroy(error instanceof Error ? error : undefined);
  if (typeof input === 'object' && 'destroy' in input) input.on('error', () => {}).destroy();
}

const LEFT = 'you asked to stop';

type Exit = { readonly code: number } | { readonly signal: string };

/**
 * Runs one command on a link. Exactly one thing settles it: its end with its exit status, its deadline, the link's loss, or one of its own
 * streams here breaking. Rejects with `NoSession` or `ConnectError` where the script did not begin.
 */
export class Command {
  readonly #call: RemoteCall;
  readonly #link: Exec;
  readonly #marker = new Marker();
  readonly #out = new Unframed(this.#marker);
  readonly #err = new Unframed(this.#marker);
  readonly #stdout = new Kept();
  readonly #stderr = Kept.ofStderr();
  readonly #lines: Lines;
  readonly #done = Promise.withResolvers<Outcome>();
  #settled = false;
  #channel: Channel | undefined;
  #feed: Feed | undefined;
  #exit: Exit | undefined;
  /** Streams of the channel that are not yet at their end. */
  #open = 2;

  constructor(link: Exec, call: RemoteCall) {
    this.#link = link;
    this.#call = call;
    this.#lines = new Lines((line) => tell(call, line));
  }

  async run(): Promise<Outcome> {
    const { name, text, args, deadline } = this.#call;
    const line = this.#marker.commandLine(name, text, args);
    if (this.#link.lost !== undefined) throw new NoSession(this.#link.lost);
    const { signal } = this.#call;
    if (signal?.aborted === true) this.#cut(LEFT);
    const leave = (): void => this.#leave();
    signal?.addEventListener('abort', leave, { once: true });
    const timer = setTimeout(() => this.#onDeadline(), deadline);
    const deaf = this.#link.whenLost((reason) => this.#onLost(reason));
    try {
      if (!this.#settled) this.#start(line);
      return await this.#done.promise;
    } finally {
      signal?.removeEventListener('abort', leave);
      clearTimeout(timer);
      deaf();
    }
  }

  #start(line: string): void {
    try {
      this.#link.exec(line, (error, channel) => {
        if (error === undefined) this.#accepted(channel);
        else if (error.reason === undefined) this.#settle(this.#lost('the host did not accept the command'));
        else this.#reject(new NoSession(error.message.replace(/^\(SSH\) Channel open failure: /, '')));
      });
    } catch (error) {
      this.#reject(new NoSession(String(error)));
    }
  }

  #accepted(channel: Channel): void {
    this.#channel = channel;
    if (this.#settled) {
      channel.close();
      return;
    }
    const { output } = this.#call;
    // Writing to a command that has just ended is no error: its status tells.
    channel.on('error', () => {});
    const atEnd = (): void => {
      this.#open -= 1;
      this.#perhapsEnded();
    };
    channel.on('exit', (code: number | null, signal?: string) => {
      this.#exit = code === null ? { signal: signal ?? 'an unknown signal' } : { code };
    });
    channel.on('data', (chunk: Buffer) => this.#onOutput(this.#out.take(chunk)));
    channel.stderr.on('data', (chunk: Buffer) => this.#onError(this.#err.take(chunk)));
    channel.on('close', atEnd);
    channel.stderr.on('close', atEnd);
    output?.on('drain', () => channel.resume());
    output?.on('error', (error) => this.#cut(`its output could not be passed on: ${error.message}`));
    output?.on('close', () => {
      if (!output.writableFinished) this.#cut('its output could not be passed on: the receiver closed');
    });
    this.#feed = feed(this.#call.input, channel, (reason) => this.#cut(`its input broke off: ${reason}`));
  }

  #onOutput(chunk: Buffer): void {
    if (chunk.length === 0 || this.#settled) return;
    const { output } = this.#call;
    if (output !== undefined) {
      if (!output.write(chunk)) this.#channel?.pause();
      return;
    }
    this.#stdout.add(chunk);
    if (this.#stdout.length > LONGEST_OUTPUT) this.#cut(`it printed more than ${LONGEST_OUTPUT / 1024 ** 2} MiB`);
  }

  #onError(chunk: Buffer): void {
    if (this.#settled) return;
    this.#stderr.add(chunk);
    this.#lines.add(chunk);
  }

  /** The link's own end comes before ssh2 closes the channels, so a status without the whole output is not taken for an end. */
  #onLost(reason: string): void {
    const channel = this.#channel;
    const whole = channel?.readableEnded === true && channel.stderr.readableEnded;
    if (whole && this.#exit !== undefined) this.#ended(this.#exit);
    else this.#settle(this.#lost(reason));
  }

  #perhapsEnded(): void {
    if (this.#open > 0) return;
    if (this.#exit === undefined) this.#settle(this.#lost('its channel was closed without an exit status'));
    else this.#ended(this.#exit);
  }

  #ended(exit: Exit): void {
    const { host, name } = this.#call;
    if ('signal' in exit) {
      this.#settle({ kind: 'signalled', signal: exit.signal, ...this.#printed() });
    } else if (this.#out.begun) {
      this.#settle({ kind: 'exited', code: exit.code, ...this.#printed() });
    } else {
      this.#reject(
        neverBegan(host, name, `shell ended with code ${exit.code}`, `${this.#out.noise}${this.#err.noise}`),
      );
    }
  }

  #onDeadline(): void {
    // Without a channel the command may still be on its way, and would start after we have told that it did not.
    if (this.#channel === undefined) this.#link.destroy('the host opened no channel within the deadline');
    else this.#close();
    this.#settle({ kind: 'timed out', after: this.#call.deadline, ...this.#printed() });
  }

  /** Nobody waits for it any more. */
  #leave(): void {
    if (this.#settled) return;
    this.#channel?.signal('TERM');
    this.#cut(LEFT);
  }

  /** One of its streams here has broken. */
  #cut(reason: string): void {
    if (this.#settled) return;
    this.#close();
    this.#settle({ kind: 'lost', reason, here: true, ...this.#printed() });
  }

  /** Closing gives the command an end of its input: where that would cut the input short, a signal goes first, which sshd delivers first. */
  #close(): void {
    if (this.#feed?.whole() !== true) this.#channel?.signal('TERM');
    this.#channel?.close();
  }

  #lost(reason: string): Outcome {
    return { kind: 'lost', reason, ...this.#printed() };
  }

  #printed(): { stdout: string; stderr: string } {
    return { stdout: this.#stdout.toString(), stderr: this.#stderr.toString() };
  }

  #settle(outcome: Outcome): void {
    if (this.#settled) return;
    this.#finish();
    const { output, name, host } = this.#call;
    if (succeeded(outcome)) output?.end();
    else output?.destroy(new Error(`${name} on ${host} ended badly`));
    this.#done.resolve(outcome);
  }

  #reject(error: Error): void {
    if (this.#settled) return;
    this.#finish();
    this.#done.reject(error);
  }

  #finish(): void {
    this.#settled = true;
    this.#lines.end();
    this.#feed?.stop();
    // What is still in the channel must not hold it open.
    this.#channel?.resume();
  }
}

function tell(call: RemoteCall, line: string): void {
  try {
    call.onLine?.(line);
  } catch (error) {
    // ssh2 would take a listener's mistake for one of the connection.
    process.nextTick(() => {
      throw error;
    });
  }
}
