import { connect as openSocket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import type { buildConnector, Client, Dispatcher } from 'undici';
import { ConnectError } from './ports.ts';
import type { Probe, ProbeAnswer, ProbeRequest, Remote } from './ports.ts';

/** Characters of the body that are kept: enough to see what answered. */
const BODY = 2000;

const SPEAKS_FIRST = 'ESPEAKSFIRST';

/** HTTP as a balancer would ask it, over its ssh link; or from this machine. Each question has a connection of its own. */
export function openProbe(remote: Pick<Remote, 'tunnel'>): Probe {
  return {
    async ask(request) {
      // Loaded when it is needed, and before the time counts: it takes as long as a whole `--help`.
      const undici = await import('undici');
      const began = performance.now();
      const timeout = AbortSignal.timeout(request.timeout);
      try {
        return await within(timeout, ask(remote, undici.Client, request, timeout, began));
      } catch (error) {
        return { kind: 'no answer', reason: inWords(error, request) };
      }
    },
  };
}

async function ask(
  remote: Pick<Remote, 'tunnel'>,
  Http: typeof Client,
  request: ProbeRequest,
  signal: AbortSignal,
  began: number,
): Promise<ProbeAnswer> {
  const { path, host } = request;
  const stream = await streamTo(remote, request, signal);
  const client = new Http(`http://${bracketed(request.address)}:${request.port}`, {
    connect: handingOver(stream),
    pipelining: 0,
  });
  try {
    const headers = { ...request.headers, host };
    return await told(await client.request({ method: 'GET', path, headers, signal }), began);
  } finally {
    client.destroy().catch(() => {});
    stream.destroy();
  }
}

/**
 * The stream to the one who asks first. undici asks again, at once and for ever, while what it is given is closed already: the second
 * time, and of a stream that is no more, it is told so in a way that it takes for final. One that speaks first and no HTTP, as sshd does,
 * may have been closed for it before the question was sent: then that is told.
 */
function handingOver(stream: Duplex): buildConnector.connector {
  let given = false;
  let ended = Object.assign(new Error('the connection is gone'), { code: 'ECONNRESET' });
  stream.once('error', ({ message }) => {
    if (message === 'bad response') ended = Object.assign(new Error('it speaks first'), { code: SPEAKS_FIRST });
  });
  // Answered later, never at once: undici would not see that it is connected.
  return (_options, done) => {
    if (given || stream.destroyed) process.nextTick(done, ended, null);
    else process.nextTick(done, null, stream);
    given = true;
  };
}

async function told({ statusCode, headers, body }: Dispatcher.ResponseData, began: number): Promise<ProbeAnswer> {
  const decoder = new TextDecoder();
  let start = '';
  try {
    for await (const chunk of body) {
      start += decoder.decode(chunk, { stream: true });
      if (start.length >= BODY) break;
    }
  } catch (error) {
    // A status whose body never came whole is no answer.
    throw new Error(
      `the answer (status ${statusCode}) broke off: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
  const location = [headers['location'] ?? []].flat()[0];
  return {
    kind: 'answered',
    status: statusCode,
    ...(location === undefined ? {} : { location }),
    body: start.slice(0, BODY),
    took: performance.now() - began,
  };
}

async function streamTo(remote: Pick<Remote, 'tunnel'>, request: ProbeRequest, signal: AbortSignal): Promise<Duplex> {
  const { through, address, port } = request;
  if (through === undefined) {
    const socket = openSocket({ host: address, port, noDelay: true, signal });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return socket;
  }
  const stream = await remote.tunnel(through, address, port);
  if (signal.aborted) stream.destroy();
  return stream;
}

/** Rejects with the signal's reason as soon as it comes, whatever becomes of the promise. */
function within<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

function inWords(error: unknown, { address, port, timeout }: ProbeRequest): string {
  const at = `${bracketed(address)}:${port}`;
  if (!(error instanceof Error)) return String(error);
  if (error instanceof ConnectError) return `${error.message}. ${error.remedy}`;
  const code = 'code' in error ? error.code : undefined;
  if (error.name === 'TimeoutError' || error.name === 'AbortError')
    return `no answer from ${at} within ${timeout / 1000} s`;
  if (code === 'ECONNREFUSED') return `${at} refused the connection: nothing listens there`;
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET')
    return `${at} closed the connection without an answer`;
  if (error.name === 'HTTPParserError' || code === SPEAKS_FIRST)
    return `what ${at} answers is not HTTP: ${error.message}`;
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return `no route to ${at}`;
  return error.message;
}

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);
