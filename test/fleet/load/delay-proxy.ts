import { connect, createServer, type Socket } from 'node:net';
import { addressOf, listeningOn } from './address.ts';

export interface DelayProxy {
  /** `127.0.0.1:PORT`, or what `listen` said. */
  readonly address: string;
  /** Resets what is open. */
  close(): Promise<void>;
}

type Event = Buffer | 'end' | 'reset';

/** More than this on its way, and the sender is not read any further. */
const window = 1 << 20;

/**
 * A TCP proxy that is so many milliseconds long in each direction: bytes, half-close and reset come out later, in order.
 * `listen` is `address:port` (port 0: any), `to` as well. Rejects when it can't listen.
 */
export async function startDelayProxy(options: { listen?: string; to: string; delay: number }): Promise<DelayProxy> {
  const { listen = '127.0.0.1:0', to, delay } = options;
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ ...addressOf(to), allowHalfOpen: true, noDelay: true });
    for (const socket of [near, far]) open.add(socket.on('close', () => open.delete(socket)));
    lane(near, far, delay);
    lane(far, near, delay);
  });
  await new Promise<void>((resolve, reject) => {
    const { host, port } = addressOf(listen);
    server.once('error', reject).listen(port, host, 512, resolve);
  });
  return {
    address: listeningOn(server),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) reset(socket);
      }),
  };
}

/** What comes from `from` goes to `to`, later. A failed connect or write is a reset for the other side. */
function lane(from: Socket, to: Socket, delay: number): void {
  const queue: { due: number; event: Event }[] = [];
  let waiting = 0;
  let timer: NodeJS.Timeout | null = null;
  const push = (event: Event): void => {
    queue.push({ due: performance.now() + delay, event });
    if (typeof event !== 'string' && (waiting += event.length) > window) from.pause();
    timer ??= setTimeout(flush, delay);
  };
  const flush = (): void => {
    const now = performance.now() + 0.5;
    while (queue.length > 0 && queue[0]!.due <= now) deliver(queue.shift()!.event);
    timer = queue.length === 0 ? null : setTimeout(flush, queue[0]!.due - now);
  };
  const deliver = (event: Event): void => {
    if (event === 'end') to.end();
    else if (event === 'reset') reset(to);
    else {
      if (waiting > window && waiting - event.length <= window) from.resume();
      waiting -= event.length;
      if (to.writable) to.write(event);
    }
  };
  from.on('data', push);
  from.on('end', () => push('end'));
  from.on('error', () => push('reset'));
}

/**
 * libuv resets no socket whose end is just being sent, and Node 24.9 then forgets it without closing it: the process burns a core at
 * its end and never ends. Such a one is closed.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}
