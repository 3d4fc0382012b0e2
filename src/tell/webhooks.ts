import { createHmac } from 'node:crypto';
import type { Inventory } from '../core/inventory.ts';
import type { Moment } from '../core/moments.ts';
import { bodyOf } from '../core/notification.ts';
import type { Post } from '../fleet/post.ts';

type Notify = Inventory['notify'][number];

export interface WebhookOptions {
  readonly post: Post;
  /** Reads a secret_file. */
  readonly secret: (file: string) => Promise<string>;
  /** Milliseconds for one try. */
  readonly timeout?: number;
  /** Milliseconds before the second, third ... try. */
  readonly waits?: readonly number[];
}

const TIMEOUT = 5000;
const WAITS: readonly number[] = [1000, 2000, 4000, 8000];
/** Messages that wait for one receiver at once; beyond it the oldest batches go first. */
const MOST = 100;

/** Tells the receivers of the inventory, each by itself and in order, beside the roll. */
export class Webhooks {
  readonly #receivers: readonly Receiver[];

  constructor(notify: readonly Notify[], options: WebhookOptions) {
    this.#receivers = notify.map((each, index) => new Receiver(each, index, options));
  }

  tell(moment: Moment): void {
    for (const receiver of this.#receivers) receiver.tell(moment);
  }

  /** Sends what is left, in so many milliseconds at most. Returns a sentence for each receiver that missed something. Does not reject. */
  async end(within: number): Promise<string[]> {
    const ends = this.#receivers.map((receiver) => receiver.end(within));
    return (await Promise.all(ends)).flatMap((missed) => missed ?? []);
  }
}

interface Message {
  readonly moment: Moment;
  readonly number: number;
}

class Receiver {
  readonly #notify: Notify;
  readonly #options: WebhookOptions;
  readonly #name: string;
  readonly #stop = new AbortController();
  readonly #waiting: Message[] = [];
  /** Half of the time at the end is gone: how it ended matters most, and what is left is for that. */
  #hurry = false;
  #sent = 0;
  /** What was not taken, by its kind, with the last reason. */
  readonly #missed: string[] = [];
  #reason = '';
  #work: Promise<void> | undefined;

  constructor(notify: Notify, index: number, options: WebhookOptions) {
    this.#notify = notify;
    this.#options = options;
    // The path of an address is often its secret.
    this.#name = `notify[${index}] (${new URL(notify.webhook).host})`;
  }

  tell(moment: Moment): void {
    if (!this.#notify.on.includes(moment.kind)) return;
    this.#waiting.push({ moment, number: (this.#sent += 1) });
    if (this.#waiting.length > MOST) {
      const batch = this.#waiting.findIndex((each) => each.moment.kind === 'batch');
      for (const each of this.#waiting.splice(Math.max(0, batch), 1)) this.#miss(each, 'too much waited for it');
    }
    this.#begin();
  }

  async end(within: number): Promise<string | undefined> {
    const hurry = setTimeout(() => (this.#hurry = true), within / 2);
    const stop = setTimeout(() => this.#stop.abort(), within);
    this.#begin();
    await this.#work;
    clearTimeout(hurry);
    clearTimeout(stop);
    if (this.#missed.length === 0) return undefined;
    return `${this.#name} was not told of: ${this.#missed.join(', ')}. The last reason: ${this.#reason}`;
  }

  #begin(): void {
    if (this.#waiting.length > 0) this.#work ??= this.#sendAll().finally(() => (this.#work = undefined));
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- in order
        const reason = await this.#send(next);
        if (reason !== undefined) this.#miss(next, reason);
      } catch (error) {
        this.#miss(next, error instanceof Error ? error.message : String(error));
      }
    }
  }

  /** Why it was not taken in the end; undefined: it was. */
  async #send({ moment, number }: Message): Promise<string | undefined> {
    const { webhook, format, secret_file: file } = this.#notify;
    const { app, number: command } = moment.beginning;
    const id = `${app}-${command}-${moment.at}-${number}`;
    const body = bodyOf(moment, format, id);
    const key = file === undefined ? undefined : await this.#options.secret(file);
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'orchestrate',
      'x-orchestrate-event': moment.kind,
      'x-orchestrate-delivery': id,
      ...(key === undefined
        ? {}
        : { 'x-orchestrate-signature': `sha256=${createHmac('sha256', key).update(body).digest('hex')}` }),
    };
    const { timeout = TIMEOUT, waits = WAITS, post } = this.#options;
    let reason = 'there was no time left';
    for (const wait of [0, ...waits]) {
      // oxlint-disable no-await-in-loop -- one try after the other
      if (wait > 0) await this.#rest(wait);
      if (this.#stop.signal.aborted || (this.#hurry && moment.kind === 'batch')) return reason;
      const answer = await post({ url: webhook, headers, body, timeout, stop: this.#stop.signal });
      // oxlint-enable no-await-in-loop
      if (answer.kind === 'taken') return undefined;
      reason = answer.reason;
      if (!answer.again) return reason;
    }
    return reason;
  }

  #rest(ms: number): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
  }

  #miss({ moment }: Message, reason: string): void {
    this.#missed.push(moment.kind === 'batch' ? `batch ${moment.number}` : moment.kind);
    this.#reason = reason;
  }
}
