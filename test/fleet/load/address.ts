import type { Server } from 'node:net';

/** Splits `address:port`; throws a sentence. */
export function addressOf(target: string): { host: string; port: number } {
  const match = /^\[?([^\]]+?)\]?:(\d+)$/.exec(target);
  if (match === null) throw new Error(`${target} is not address:port`);
  return { host: match[1]!, port: Number(match[2]) };
}

/** `address:port` on which a TCP server listens; throws where it does not. */
export function listeningOn(server: Pick<Server, 'address'>): string {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('it listens on no TCP port');
  return `${bound.address}:${bound.port}`;
}
