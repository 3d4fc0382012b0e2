import { connect as openSocket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2 from 'ssh2';
import type { Client, ServerHostKeyAlgorithm } from 'ssh2';
import type { ConnectError } from '../ports.ts';
import type { Login } from './keys.ts';
import { judge, listedTypes } from './known-hosts.ts';
import type { KnownHost } from './known-hosts.ts';
import type { Link } from './link.ts';
import * as refusal from './refusal.ts';
import type { Hop } from './refusal.ts';

export interface Way extends Hop {
  /** The link to the jump host in front; absent: straight. */
  readonly over?: Link;
  readonly login: Login;
  readonly known: readonly KnownHost[];
  /** Milliseconds for everything up to the login, with all attempts. */
  readonly timeout: number;
  /** Milliseconds between two signs of life; the link is given up after three without an answer. */
  readonly keepalive: number;
  readonly signal: AbortSignal;
}

/** What OpenSSH would accept by default, in the order in which it is cheap. Signatures over SHA-1 are none of it. */
const HOST_KEYS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/** Milliseconds before the second attempt; each further one waits twice as long, and a random part so that hosts do not come back together. */
const FIRST_PAUSE = 100;

type Doing = 'connecting' | 'agreeing on keys' | 'logging in';

/** As ssh2 and the socket give them. */
type Failure = Error & { readonly level?: string; readonly code?: unknown };

/** The server hung up before it knew who we are: it has done nothing, and may be only too busy (MaxStartups). */
class Reset extends Error {}

/** A client that is logged in. Rejects with `ConnectError`. Repeats what was reset before the login, within the time allowed; nothing else. */
export async function connect(way: Way): Promise<Client> {
  const until = performance.now() + way.timeout;
  for (let attempts = 1, pause = FIRST_PAUSE; ; attempts += 1, pause *= 2) {
    try {
      return await attempt(way, until - performance.now());
    } catch (error) {
      if (!(error instanceof Reset)) throw error;
      const wait = pause * (0.75 + Math.random() / 2);
      if (performance.now() + wait >= until) throw refusal.resetEachTime(way, attempts, error);
      await sleep(wait, undefined, { signal: way.signal });
    }
  }
}

async function attempt(way: Way, timeout: number): Promise<Client> {
  const { end, signal, login, known } = way;
  signal.throwIfAborted();
  const client = new ssh2.Client();
  const { promise: failed, reject } = Promise.withResolvers<never>();
  let doing: Doing = 'connecting';
  let refused: ConnectError | undefined;
  const fail = (error: Failure): void => reject(refused ?? why(way, doing, error));
  // These stay for ever: an error event that nobody hears would end the program.
  client.on('error', (error: Failure) => {
    // The agent has gone: the next method is tried.
    if (error.level !== 'agent') fail(error);
  });
  client.on('close', () => fail(new Error('the connection was closed')));
  client.on('connect', () => (doing = 'agreeing on keys'));
  client.on('handshake', () => (doing = 'logging in'));
  const ready = new Promise<void>((resolve) => client.on('ready', resolve));
  const timer = setTimeout(() => reject(refusal.timedOut(way, way.timeout, doing)), timeout);
  const stop = (): void => reject(signal.reason);
  signal.addEventListener('abort', stop);

  const name = end.hostKeyAlias ?? end.address;
  const methods = login.methods.values();
  const socket = socketFor(way);
  try {
    client.connect({
      sock: await Promise.race([socket, failed]),
      username: end.user,
      readyTimeout: 0,
      keepaliveInterval: way.keepalive,
      keepaliveCountMax: 3,
      algorithms: { serverHostKey: preferred(listedTypes(known, name, end.port)), compress: ['none'] },
      hostVerifier: (key: Buffer) => {
        const verdict = judge(known, name, end.port, key);
        if (verdict.kind !== 'known') refused = refusal.hostKey(way, key, verdict);
        return verdict.kind === 'known';
      },
      // The first key goes out unasked (`left` is null): asking what the host takes would cost a round trip.
      authHandler: (left: readonly string[] | null, partial: boolean | null) => {
        if (partial === true) refused = refusal.login(way, login, `it asks for more than a key (${left?.join(', ')})`);
        else if (left?.includes('publickey') === false)
          refused = refusal.login(way, login, `it takes ${left.join(', ')} only`);
        return (refused === undefined && methods.next().value) || false;
      },
    });
    await Promise.race([ready, failed]);
    return client;
  } catch (error) {
    client.destroy();
    void socket.then(
      (it) => it.destroy(),
      () => {},
    );
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

async function socketFor(way: Way): Promise<Duplex> {
  const { address, port } = way.end;
  // Without noDelay each small packet could wait for the answer to the one before.
  if (way.over === undefined) return openSocket({ host: address, port, noDelay: true });
  try {
    return await way.over.forward(address, port);
  } catch (error) {
    throw refusal.unreachable(way, error instanceof Error ? error : new Error(String(error)));
  }
}

function why(way: Way, doing: Doing, error: Failure): Error {
  if (doing === 'connecting') {
    return error.code === 'ECONNRESET' ? new Reset(error.message) : refusal.unreachable(way, error);
  }
  if (doing === 'logging in') {
    const said = error.level === 'client-authentication' ? 'Permission denied' : error.message;
    return refusal.login(way, way.login, said);
  }
  // What ssh2 itself objects to stays so; what the other side cut may be better the next time.
  const objection =
    error.level === 'handshake' || (error.level === 'protocol' && !/connection lost/i.test(error.message));
  return objection ? refusal.noCommonWay(way, error) : new Reset(error.message);
}

/** The listed types first, as OpenSSH does: a host shows one key of several, and should show one that can be compared. */
function preferred(types: readonly string[]): ServerHostKeyAlgorithm[] {
  const listed = HOST_KEYS.filter((each) => types.includes(each.startsWith('rsa-') ? 'ssh-rsa' : each));
  return [...listed, ...HOST_KEYS.filter((each) => !listed.includes(each))];
}
