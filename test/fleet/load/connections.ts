import { addressOf } from './address.ts';
import type { Ask, Door, DoorCounts, DoorOptions, Got } from './door.ts';
import { Connection } from './connection.ts';

/** HTTP/1.1: so many kept-alive connections, spread evenly over the targets, of which each request takes an idle one at random. */
export class Connections implements Door {
  readonly counts: DoorCounts = { opened: 0, closedWhileIdle: 0, extra: 0, refused: 0 };
  readonly #options: DoorOptions;
  readonly #slots: Connection[];

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#slots = [];
  }

  async open(): Promise<void> {
    for (let at = 0; at < this.#options.connections; at += 1) this.#slots.push(this.#connect(at));
    await Promise.all(this.#slots.map((connection) => connection.open()));
  }

  async ask(ask: Ask): Promise<Got> {
    const at = this.#idle();
    if (at === null) {
      this.counts.extra += 1;
      const connection = this.#connect(Math.floor(this.#options.random() * this.#slots.length));
      const got = await connection.ask(ask);
      connection.close();
      return got;
    }
    // What the server has closed, and the close has reached us: any client opens another.
    if (this.#slots[at]!.closed) this.#slots[at] = this.#connect(at);
    return this.#slots[at]!.ask(ask);
  }

  close(): void {
    for (const connection of this.#slots) connection.close();
  }

  #idle(): number | null {
    const count = this.#slots.length;
    const first = Math.floor(this.#options.random() * count);
    for (let step = 0; step < count; step += 1) {
      const at = (first + step) % count;
      if (!this.#slots[at]!.busy) return at;
    }
    return null;
  }

  #connect(at: number): Connection {
    const { targets, through, host, tls } = this.#options;
    const target = targets[at % targets.length]!;
    this.counts.opened += 1;
    return new Connection({
      target,
      address: addressOf(through.get(target) ?? target),
      host,
      ...(tls && { tls }),
      onIdleClose: () => (this.counts.closedWhileIdle += 1),
    });
  }
}
