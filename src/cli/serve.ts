import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { once } from 'node:events';
import { Refusal } from '../core/failure.ts';
import { clean } from '../tell/words.ts';
import { Daemon } from '../serve/daemon.ts';
import { listen } from '../serve/http/listen.ts';
import { firstToken } from '../serve/http/tokens.ts';

interface ServeFlags {
  readonly inventory?: string;
  readonly data: string;
  readonly database?: string;
  readonly listen: string;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  readonly plainHttp?: boolean;
}

/** `orchestrate serve`: until SIGTERM or SIGINT; then what is in hand comes to rest, and goes on when it is started again. */
export async function serve(flags: ServeFlags, version: string): Promise<number> {
  const say = (text: string): void => void process.stdout.write(`${new Date().toISOString()} ${clean(text)}\n`);
  const address = addressOf(flags.listen);
  const tls = await certificate(flags);
  const data = resolve(flags.data);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(1);
      stop.abort();
    });
  const daemon = await Daemon.open({
    inventory: flags.inventory,
    data,
    version,
    say,
    ...(flags.database === undefined ? {} : { database: flags.database }),
  });
  try {
    const file = join(data, 'admin.token');
    const first = await firstToken(daemon.tokens, file);
    if (first === 'made') say(`The first token, for everything, is in ${file}.`);
    if (first === 'elsewhere' && flags.database !== undefined)
      say(
        'No token is made here: another service that shares the database has made the first one, and has it in the `admin.token` of its own data folder.',
      );
    const http = await listen(daemon, {
      ...address,
      ...(tls === undefined ? {} : { tls }),
      plain: flags.plainHttp === true,
    });
    say(
      `orchestrate ${version} serves ${daemon.app} on ${http.url}; what it keeps is in ${flags.database === undefined ? data : 'the database'}.`,
    );
    if (!stop.signal.aborted) await once(stop.signal, 'abort');
    say('Ending: what is in hand comes to rest, and goes on when a service runs again.');
    await http.close();
  } finally {
    await daemon.close();
  }
  say('Ended.');
  return 0;
}

function addressOf(text: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(?:\[?([0-9A-Za-z.:_-]+?)\]?:)?(\d{1,5})$/.exec(text) ?? [];
  if (Number(port) > 0 && Number(port) < 65_536) return { host: host === '' ? '127.0.0.1' : host, port: Number(port) };
  throw new Refusal(2, `--listen ${text} is no address with a port.`, 'Give 127.0.0.1:7260, or [::1]:7260.');
}

async function certificate({ tlsCertificate, tlsKey }: ServeFlags): Promise<{ cert: string; key: string } | undefined> {
  if (tlsCertificate === undefined && tlsKey === undefined) return undefined;
  if (tlsCertificate === undefined || tlsKey === undefined)
    throw new Refusal(2, '--tls-certificate and --tls-key go together.', 'Give both, or neither.');
  try {
    return { cert: await readFile(tlsCertificate, 'utf8'), key: await readFile(tlsKey, 'utf8') };
  } catch (error) {
    throw new Refusal(
      2,
      `The certificate can't be read: ${error instanceof Error ? error.message : String(error)}.`,
      'Name PEM files that this user may read.',
    );
  }
}
