/** One request as it goes out. */
export interface Ask {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Milliseconds over which the body is sent; absent: with the head. */
  readonly bodyTakes?: number;
  /** Milliseconds until the whole answer must be there. */
  readonly timeout: number;
}

/** Why there is no whole answer. */
export type Loss =
  | 'could not connect'
  /** The server closed or reset a connection that had been used before, with the request on its way: what a reload does. */
  | 'reset on a kept-alive connection'
  | 'closed without an answer'
  | 'answer cut short'
  | 'timed out'
  | 'not HTTP';

/** What became of a request. Nobody repeats one, but for HTTP/2's refused streams, which are counted. */
export type Got = { readonly target: string } & (
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** Names in lower case. */
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Buffer;
    }
  | { readonly kind: 'lost'; readonly loss: Loss; readonly detail: string }
);

export interface DoorCounts {
  opened: number;
  /** Closed or reset by the server while nothing was on its way: no loss, the next request opens another. */
  closedWhileIdle: number;
  /** Opened because every kept-alive one was busy. */
  extra: number;
  /** HTTP/2: streams that the server refused unprocessed (GOAWAY), each then sent again on another connection. */
  refused: number;
}

/** A set of connections to all targets, each request going over one chosen at random. */
export interface Door {
  readonly counts: Readonly<DoorCounts>;
  /** Opens all connections; a target that can't be reached is found out by its requests. */
  open(): Promise<void>;
  /** Sends one request once. Does not reject. */
  ask(ask: Ask): Promise<Got>;
  close(): void;
}

export interface DoorOptions {
  /** `address:port` each; what failures name. */
  readonly targets: readonly string[];
  /** Where a target is really connected to (a delaying proxy), by target. */
  readonly through: ReadonlyMap<string, string>;
  readonly connections: number;
  /** The Host header, and the name that the certificate must have. */
  readonly host: string;
  readonly random: () => number;
  readonly tls?: { readonly ca: string };
}
