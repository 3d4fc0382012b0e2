import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AnswerReader } from './answer.ts';
import type { Ask, Got, Loss } from './door.ts';

export interface ConnectionOptions {
  readonly target: string;
  readonly address: { readonly host: string; readonly port: number };
  readonly host: string;
  readonly tls?: { readonly ca: string };
  /** The server has closed it while nothing was on its way. */
  readonly onIdleClose: () => void;
}

interface Exchange {
  readonly reader: AnswerReader;
  readonly timer: NodeJS.Timeout;
  readonly settle: (got: Got) => void;
  pace: NodeJS.Timeout | undefined;
  bodySent: boolean;
}

/**
 * One HTTP/1.1 connection on a bare socket: one request at a time, and never a second try. (An HTTP client of a library
 * would decide for itself when a connection is too old, or what may be repeated; here that is what is measured.)
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #opened: Promise<Error | null>;
  #exchange: Exchange | null = null;
  #answers = 0;
  #connected = false;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { address, host, tls } = options;
    this.#socket = tls ? connectTls({ ...address, ca: tls.ca, servername: host }) : connectTcp(address);
    this.#socket.setNoDelay(true);
    this.#opened = new Promise((resolve) => {
      this.#socket.once(tls ? 'secureConnect' : 'connect', () => ((this.#connected = true), resolve(null)));
      this.#socket.once('error', resolve);
      this.#socket.once('close', () => resolve(new Error('closed')));
    });
    this.#socket.on('data', (chunk) => this.#data(chunk));
    this.#socket.on('end', () => this.#gone('the server closed it'));
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#gone(error.code ?? error.message));
    this.#socket.on('close', () => this.#gone('closed'));
  }

  get busy(): boolean {
    return this.#exchange !== null;
  }

  /** The next request needs another connection. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves when it is open or can't be. */
  async open(): Promise<void> {
    await this.#opened;
  }

  /** Sends one request. The caller has looked that it is neither busy nor closed. */
  ask(ask: Ask): Promise<Got> {
    return new Promise((resolve) => {
      const settle = (got: Got): void => {
        clearTimeout(exchange.timer);
        clearTimeout(exchange.pace);
        this.#exchange = null;
        resolve(got);
      };
      const late = (): void => {
        this.#lose(this.#connected ? 'timed out' : 'could not connect', `no whole answer in ${ask.timeout} ms`);
      };
      const timer = setTimeout(late, ask.timeout);
      const exchange: Exchange = { reader: new AnswerReader(), timer, settle, pace: undefined, bodySent: false };
      this.#exchange = exchange;
      if (this.#connected) this.#send(ask, exchange);
      else void this.#opened.then((error) => error ?? (this.#exchange === exchange && this.#send(ask, exchange)));
    });
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #send(ask: Ask, exchange: Exchange): void {
    const lines = [`${ask.method} ${ask.path} HTTP/1.1`, `Host: ${this.#options.host}`];
    for (const [name, value] of Object.entries(ask.headers)) lines.push(`${name}: ${value}`);
    if (ask.body !== undefined) lines.push(`Content-Length: ${ask.body.length}`);
    const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    const body = ask.body ?? Buffer.alloc(0);
    if (ask.bodyTakes === undefined) {
      exchange.bodySent = true;
      this.#socket.write(Buffer.concat([head, body]));
      return;
    }
    this.#socket.write(head);
    paced(
      body,
      ask.bodyTakes,
      (timer) => (exchange.pace = timer),
      (piece, last) => {
        exchange.bodySent = last;
        this.#socket.write(piece);
      },
    );
  }

  #data(chunk: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === null) return this.#gone('bytes that nobody asked for');
    try {
      const answer = exchange.reader.take(chunk);
      if (answer !== null) this.#answer(exchange, answer);
    } catch (error) {
      this.#lose('not HTTP', error instanceof Error ? error.message : String(error));
    }
  }

  #answer(exchange: Exchange, answer: NonNullable<ReturnType<AnswerReader['take']>>): void {
    if (answer.extra > 0) return this.#lose('not HTTP', `${answer.extra} bytes after the answer`);
    this.#answers += 1;
    // An answer that comes before the body has gone out (502, 413) leaves the connection in the middle of a request.
    if (!answer.reusable || !exchange.bodySent) {
      this.#closed = true;
      this.#socket.end();
    }
    const { status, headers, body } = answer;
    exchange.settle({ target: this.#options.target, kind: 'answered', status, headers, body });
  }

  #gone(detail: string): void {
    const wasClosed = this.#closed;
    this.#closed = true;
    const exchange = this.#exchange;
    if (exchange === null) {
      if (!wasClosed && this.#connected) this.#options.onIdleClose();
      this.#socket.destroy();
      return;
    }
    const answer = exchange.reader.ended();
    if (answer !== null) return this.#answer(exchange, answer);
    if (!this.#connected) this.#lose('could not connect', detail);
    else if (exchange.reader.started) this.#lose('answer cut short', detail);
    else this.#lose(this.#answers > 0 ? 'reset on a kept-alive connection' : 'closed without an answer', detail);
  }

  #lose(loss: Loss, detail: string): void {
    this.#closed = true;
    this.#exchange?.settle({ target: this.#options.target, kind: 'lost', loss, detail });
    this.#socket.destroy();
  }
}

/** Hands `body` over in pieces, one each 100 ms or so, the last after `takes` milliseconds. */
export function paced(
  body: Buffer,
  takes: number,
  onTimer: (timer: NodeJS.Timeout) => void,
  send: (piece: Buffer, last: boolean) => void,
): void {
  const pieces = Math.max(2, Math.round(takes / 100));
  const size = Math.ceil(body.length / pieces);
  let at = 0;
  const next = (): void => {
    const piece = body.subarray(at, at + size);
    at += size;
    send(piece, at >= body.length);
    if (at < body.length) onTimer(setTimeout(next, takes / pieces));
  };
  next();
}
