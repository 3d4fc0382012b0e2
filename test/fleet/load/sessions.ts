import { type ClientHttp2Session, connect, constants } from 'node:http2';
import type { Ask, Door, DoorCounts, DoorOptions, Got, Loss } from './door.ts';
import { paced } from './connection.ts';

/** How often a request is sent again after GOAWAY refused it unprocessed: each time on a connection that has just been seen open. */
const attempts = 5;

interface Slot {
  readonly session: ClientHttp2Session;
  readonly target: string;
  /** The highest stream that the server will answer, once it has said GOAWAY. */
  last: number | null;
  streams: number;
  answers: number;
}

/**
 * HTTP/2: so many sessions, of which each request takes one at random. GOAWAY is handled as any client handles it: a
 * stream above the last one that the server names was not processed, so it goes out again on another session, and is
 * counted as refused; a stream that it names and then does not answer is lost.
 */
export class Sessions implements Door {
  readonly counts: DoorCounts = { opened: 0, closedWhileIdle: 0, extra: 0, refused: 0 };
  readonly #options: DoorOptions;
  readonly #slots: Slot[] = [];
  #closing = false;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    for (let at = 0; at < this.#options.connections; at += 1) this.#slots.push(this.#connect(at));
    await Promise.all(
      this.#slots.map(
        ({ session }) => new Promise((resolve) => session.once('connect', resolve).once('close', resolve)),
      ),
    );
  }

  async ask(ask: Ask): Promise<Got> {
    for (let attempt = 1; ; attempt += 1) {
      const at = Math.floor(this.#options.random() * this.#slots.length);
      let slot = this.#slots[at]!;
      if (slot.last !== null || slot.session.closed || slot.session.destroyed)
        this.#slots[at] = slot = this.#connect(at);
      const got = await this.#send(slot, ask);
      if (got !== 'refused') return got;
      this.counts.refused += 1;
      if (attempt === attempts) return lost(slot, 'closed without an answer', `refused ${attempts} times`);
    }
  }

  close(): void {
    this.#closing = true;
    for (const { session } of this.#slots) session.destroy();
  }

  #connect(at: number): Slot {
    const { targets, through, host, tls } = this.#options;
    const target = targets[at % targets.length]!;
    const address = through.get(target) ?? target;
    const session = tls
      ? connect(`https://${address}`, { ca: tls.ca, servername: host })
      : connect(`http://${address}`);
    const slot: Slot = { session, target, last: null, streams: 0, answers: 0 };
    this.counts.opened += 1;
    session.on('error', () => {}); // each stream tells its own story
    session.on('goaway', (_code: number, last: number) => (slot.last = last));
    session.on('close', () => {
      if (slot.streams === 0 && !this.#closing) this.counts.closedWhileIdle += 1;
    });
    return slot;
  }

  #send(slot: Slot, ask: Ask): Promise<Got | 'refused'> {
    const { host } = this.#options;
    return new Promise((resolve) => {
      const stream = slot.session.request(
        { ':method': ask.method, ':path': ask.path, ':authority': host, ...lowerCase(ask.headers) },
        { endStream: ask.body === undefined },
      );
      slot.streams += 1;
      let connected = !slot.session.connecting;
      let head: Record<string, string> | null = null;
      let whole = false;
      let pace: NodeJS.Timeout | undefined;
      let why = '';
      const parts: Buffer[] = [];
      const timer = setTimeout(() => {
        why = `no whole answer in ${ask.timeout} ms`;
        stream.close(constants.NGHTTP2_CANCEL);
      }, ask.timeout);
      stream.on('ready', () => (connected = true));
      stream.on('response', (headers) => (head = texts(headers)));
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => (whole = true));
      stream.on('error', (error: NodeJS.ErrnoException) => (why ||= error.code ?? error.message));
      stream.on('close', () => {
        clearTimeout(timer);
        clearTimeout(pace);
        slot.streams -= 1;
        const late = why.startsWith('no whole');
        if (head !== null && whole && !late) {
          slot.answers += 1;
          const { ':status': status, ...headers } = head;
          const body = Buffer.concat(parts);
          return resolve({ target: slot.target, kind: 'answered', status: Number(status), headers, body });
        }
        const detail = why || `stream closed with ${stream.rstCode}`;
        if (late) return resolve(lost(slot, connected ? 'timed out' : 'could not connect', detail));
        if (!connected) return resolve(lost(slot, 'could not connect', detail));
        if (head !== null) return resolve(lost(slot, 'answer cut short', detail));
        const passed = slot.last !== null && (stream.id ?? Infinity) > slot.last;
        if (passed || stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return resolve('refused');
        resolve(lost(slot, slot.answers > 0 ? 'reset on a kept-alive connection' : 'closed without an answer', detail));
      });
      if (ask.body === undefined) return;
      if (ask.bodyTakes === undefined) stream.end(ask.body);
      else {
        paced(
          ask.body,
          ask.bodyTakes,
          (next) => (pace = next),
          (piece, last) => {
            if (stream.writable) stream[last ? 'end' : 'write'](piece);
          },
        );
      }
    });
  }
}

function lost(slot: Slot, loss: Loss, detail: string): Got {
  return { target: slot.target, kind: 'lost', loss, detail };
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function texts(headers: object): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
