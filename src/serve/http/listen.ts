import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { Refusal } from '../../core/failure.ts';
import type { Service } from '../service.ts';
import { Api } from './api.ts';

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** PEM texts. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Tokens may cross a network in the clear: something else protects it. */
  readonly plain?: boolean;
  /** Milliseconds between two heartbeats of a stream; default: 15,000. */
  readonly beat?: number;
}

export interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

/** Milliseconds between two words on a stream; for one request's head and body. */
const BEAT = 15_000;
const SLOW = 30_000;

/** Serves the API. Rejects with `Refusal` (exit 2) for an address that is not this machine's own, without TLS, and for one that can't be listened on. */
export async function listen(
  service: Service,
  { host, port, tls, plain = false, beat = BEAT }: ListenOptions,
): Promise<Listening> {
  if (!isLoopback(host) && tls === undefined && !plain)
    throw new Refusal(
      2,
      `--listen ${host}: tokens would cross the network in the clear.`,
      'Give --tls-certificate and --tls-key, or listen on 127.0.0.1 behind Nginx (templates/orchestrate-site.conf); --plain-http says that something else protects the way.',
    );
  const api = new Api(service, beat);
  const answer = (request: IncomingMessage, response: ServerResponse): void => void api.answer(request, response);
  const server: Server =
    tls === undefined ? createServer(answer) : createSecure({ ...tls, minVersion: 'TLSv1.2' }, answer);
  server.requestTimeout = SLOW;
  server.headersTimeout = SLOW;
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    throw new Refusal(
      2,
      `${host}:${port} can't be listened on: ${error instanceof Error ? error.message : String(error)}.`,
      'Give another --listen ADDRESS:PORT.',
    );
  }
  const address = server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    close: async () => {
      api.close();
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), 2000);
      await closed;
      clearTimeout(timer);
    },
  };
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
