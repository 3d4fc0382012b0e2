import type { Duplex } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import { asStream, refused } from './tunnel.ts';
import { Turns } from './turns.ts';

/** sshd allows ten commands at once on a connection (MaxSessions); two are left for what ended here but not yet there. */
const SESSIONS = 8;
/** Of these, for what is urgent. */
const KEPT = 1;

/** One connection that is logged in, until it goes. ssh2 tells of its end in three ways; here it is one. */
export class Link {
  readonly #client: Client;
  #lost: string | undefined;
  readonly #whenLost = new Set<(reason: string) => void>();
  readonly sessions = new Turns(SESSIONS, KEPT);
  /** Whether other links go through this one. */
  leadsOn = false;

  constructor(client: Client) {
    this.#client = client;
    client.on('error', (error) => {
      this.#down(/keepalive/i.test(error.message) ? 'no answer to three signs of life (ssh.keepalive)' : error.message);
      client.destroy();
    });
    client.on('close', () => this.#down('the connection was closed'));
  }

  /** Why it went; undefined: it is there, as far as is known. */
  get lost(): string | undefined {
    return this.#lost;
  }

  /** Calls once when the link goes, before ssh2 makes its channels look as if they had ended. Returns how to stop listening. */
  whenLost(tell: (reason: string) => void): () => void {
    if (this.#lost !== undefined) tell(this.#lost);
    else this.#whenLost.add(tell);
    return () => this.#whenLost.delete(tell);
  }

  /** Starts a command; throws where the connection is not there any more, and nothing was sent. */
  exec(line: string, done: (error: (Error & { reason?: unknown }) | undefined, channel: ClientChannel) => void): void {
    this.#client.exec(line, done);
  }

  /** A TCP stream from there. Rejects with what it was refused for, or why the link went, in words. */
  forward(address: string, port: number): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const stop = this.whenLost((reason) => reject(new Error(reason)));
      this.#client.forwardOut(
        '127.0.0.1',
        0,
        address,
        port,
        (error: (Error & { reason?: unknown }) | undefined, stream) => {
          stop();
          if (error === undefined) resolve(asStream(stream));
          else reject(refused(error, address, port));
        },
      );
    });
  }

  /** Says good-bye, and hangs up after a second if there is no answer. */
  async close(): Promise<void> {
    if (this.#lost !== undefined) return;
    const gone = new Promise<void>((resolve) => this.whenLost(() => resolve()));
    const timer = setTimeout(() => this.destroy('closed'), 1000);
    this.#client.end();
    await gone;
    clearTimeout(timer);
  }

  destroy(reason: string): void {
    this.#down(reason);
    this.#client.destroy();
  }

  #down(reason: string): void {
    if (this.#lost !== undefined) return;
    this.#lost = reason;
    for (const tell of this.#whenLost) tell(reason);
    this.#whenLost.clear();
  }
}
