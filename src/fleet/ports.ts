import type { Duplex, Readable, Writable } from 'node:stream';
import type { Outcome } from '../core/outcome.ts';

/** The three doors to the outside. Each has one real implementation (ssh.ts, probe.ts, clock.ts) and a fake in test/. */

export interface RemoteCall {
  /** The host's name in the inventory. */
  readonly host: string;
  /** What the process is called on the host (`$0`), and in messages. */
  readonly name: string;
  /** The whole script; it travels in the exec request, never on standard input. */
  readonly text: string;
  /** Positional arguments, quoted by `quote` and by nothing else. Visible in the host's process list: no secrets. */
  readonly args: readonly string[];
  /** Standard input: secrets and payloads. Absent: closed at once. */
  readonly input?: string | Uint8Array | Readable;
  /** Where standard output goes as it comes, in place of `Outcome.stdout`. Ended when the command ends; destroyed with an error when it ends badly. */
  readonly output?: Writable;
  /** Milliseconds from the start of the command (connecting has a time-out of its own). */
  readonly deadline: number;
  /** Never waits for the end of other commands on that host, as long as it allows one more at once: a lease that is renewed too late is lost. */
  readonly urgent?: boolean;
  /** Leaves the command in the middle: it is sent TERM, and is `lost` from `here`. */
  readonly signal?: AbortSignal;
  /** Each whole line of standard error as it comes. */
  readonly onLine?: (line: string) => void;
}

export interface Remote {
  /** Runs a script; a command is never repeated. Resolves with how it ended; rejects only with `ConnectError`, when no command was sent. */
  run(call: RemoteCall): Promise<Outcome>;
  /** A TCP stream to address:port as seen from the host (direct-tcpip). Rejects with `ConnectError` or with the reason of the refusal. */
  tunnel(host: string, address: string, port: number): Promise<Duplex>;
  /** Closes all connections; the next call makes its own again. */
  disconnect(): Promise<void>;
  /** Closes all connections for good. */
  close(): Promise<void>;
}

/** No command was sent: the host could not be reached, its key was not known, or the login was refused. */
export class ConnectError extends Error {
  readonly host: string;
  readonly reason: 'unreachable' | 'timed out' | 'host key' | 'login' | 'configuration';
  /** What to do next, a sentence. */
  readonly remedy: string;
  constructor(host: string, reason: ConnectError['reason'], message: string, remedy: string) {
    super(message);
    this.name = 'ConnectError';
    this.host = host;
    this.reason = reason;
    this.remedy = remedy;
  }
}

export interface ProbeRequest {
  /** Through which host's ssh link; absent: from this machine. */
  readonly through?: string;
  readonly address: string;
  readonly port: number;
  readonly path: string;
  /** The Host header. */
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds for connecting and for the whole answer. */
  readonly timeout: number;
}

export type ProbeAnswer =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly location?: string;
      /** The start of the body, at most 2,000 characters. */
      readonly body: string;
      /** Milliseconds. */
      readonly took: number;
    }
  | { readonly kind: 'no answer'; readonly reason: string };

export interface Probe {
  /** One GET, never followed, never repeated. Does not reject. */
  ask(request: ProbeRequest): Promise<ProbeAnswer>;
}

export interface Clock {
  /** Milliseconds since the epoch: for records and for people. */
  now(): number;
  /** The time zone of those who read here, as in the tz database: for people. */
  zone(): string;
  /** Monotonic milliseconds: for deadlines. */
  ticks(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Does something again and again, so many milliseconds apart, until what it returns is called. */
  every(ms: number, work: () => void): () => void;
}
