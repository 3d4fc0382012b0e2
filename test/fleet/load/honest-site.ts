import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { listeningOn } from './address.ts';

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

/** What a test wants done wrong; each is asked once a request, and without them the site is honest. */
export interface Plants {
  /** Close a connection that has just been answered, so many milliseconds later and without a word. */
  readonly closeAfter?: () => number | null;
  /** Say `Connection: close`, and then do it: honest. */
  readonly announceClose?: () => boolean;
  readonly stylesheet?: () => boolean;
  readonly doubleOrder?: () => boolean;
  readonly forgetOrder?: () => boolean;
  readonly dropUpload?: () => boolean;
  readonly badGateway?: () => boolean;
  readonly wrongRelease?: () => boolean;
  readonly neverAnswer?: () => boolean;
}

export interface Site {
  readonly target: string;
  /** What its database would say: each order's id, and how often it was stored. */
  readonly rows: Map<string, number>;
  /** For a server of another kind: HTTPS, HTTP/2. */
  readonly handle: (request: Request, response: Response) => void;
  close(): Promise<void>;
}

const sheet = 'body { color: #123 }\n';
const name = `orders/site.${createHash('md5').update(sheet).digest('hex').slice(0, 12)}.css`;

/** The releases of the honest site, as a load wants them. */
export const siteReleases = { v1: name };

/** A small site in this process that answers as the project `shop` does, for the tests of the load. */
export async function startHonestSite(plants: Plants = {}): Promise<Site> {
  const rows = new Map<string, number>();
  const handle: Site['handle'] = (request, response) => void answer(request, response, rows, plants);
  const server = createServer({ keepAliveTimeout: 0 }, handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    target: listeningOn(server),
    rows,
    handle,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: Request, response: Response, rows: Map<string, number>, plants: Plants): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://shop.example.com');
  const say = (status: number, body: string): void => {
    response.statusCode = status;
    response.setHeader('X-Release', plants.wrongRelease?.() ? 'v0' : 'v1');
    response.end(body);
  };
  const { socket } = request;
  if (plants.announceClose?.()) response.setHeader('Connection', 'close');
  const wait = plants.closeAfter?.() ?? null;
  if (wait !== null) response.on('finish', () => setTimeout(() => socket.destroy(), wait));
  if (plants.neverAnswer?.()) return;
  if (plants.badGateway?.()) return say(502, '<h1>Bad gateway</h1>');
  if (url.pathname.startsWith('/static/')) return say(200, plants.stylesheet?.() ? 'body { color: red }\n' : sheet);
  if (url.pathname === '/slow') {
    await sleep(Number(url.searchParams.get('ms')));
    return say(200, `slept ${url.searchParams.get('ms')} ms\n`);
  }
  const body = await bodyOf(request);
  if (body === null) return;
  if (url.pathname === '/orders') {
    const { id } = JSON.parse(body.toString());
    if (!plants.forgetOrder?.()) rows.set(id, (rows.get(id) ?? 0) + (plants.doubleOrder?.() ? 2 : 1));
    return say(201, JSON.stringify({ id }));
  }
  if (url.pathname === '/uploads') {
    if (plants.dropUpload?.()) return void socket.resetAndDestroy();
    return say(200, JSON.stringify({ length: body.length, sha256: createHash('sha256').update(body).digest('hex') }));
  }
  say(200, `<link rel="stylesheet" href="/static/${name}"><p>Release v1, visit ${url.searchParams.get('visit')}.</p>`);
}

async function bodyOf(request: Request): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  try {
    for await (const part of request) parts.push(part);
  } catch {
    return null; // the client has gone
  }
  return Buffer.concat(parts);
}
