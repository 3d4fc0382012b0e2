import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { readInventory } from '../../src/core/inventory.ts';
import { renderConfiguration } from '../../src/core/routing/configuration.ts';
import { declaredGroups } from '../../src/core/routing/groups.ts';
import { renderSite } from '../../src/core/routing/site.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { DEPLOY } from '../fleet/hosts/base.ts';
import { until } from '../fleet/hosts/shell.ts';

const TEMPLATES = join(import.meta.dirname, '../../templates');
const PORT = 9000;
const RELEASE = '/srv/www/blog/20261101-1200-0000001/repository';
/** Answers every GET with its host's name. */
const SERVER = `
import http.server, socket
class Name(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = socket.gethostname().encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(name)))
        self.end_headers()
        self.wfile.write(name)
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(('0.0.0.0', ${PORT}), Name).serve_forever()
`;

/** A second app on the same hosts and the same Nginx, with the same address for its status server, as its administrator adds it. Returns its inventory's path. */
export async function addBlog(fleet: Fleet): Promise<string> {
  const file = join(fleet.state, 'operator', 'blog.yaml');
  const hosts = (all: Fleet['hosts']): string =>
    JSON.stringify(Object.fromEntries(all.map(({ name, address }) => [name, { address }])));
  const yaml = `app: blog
ssh: ${JSON.stringify({ user: DEPLOY.name, identity_file: fleet.key, known_hosts: fleet.knownHosts, config: false })}
balancers: ${hosts(fleet.balancers)}
backends: ${hosts(fleet.backends)}
release: { root: /srv/www/blog }
build: { static: { command: null } }
service: { name: blog, wrapper: false, pid_file: /run/blog.pid, slots: [${PORT}] }
health: { host: blog.example.com }
nginx: { configuration: fixed }
`;
  await writeFile(file, yaml);
  const read = readInventory(yaml, file, '/root');
  if (!read.ok) throw new Error(read.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  const { inventory } = read;
  const template = (name: string): Promise<string> => readFile(join(TEMPLATES, name), 'utf8');
  const { text: configuration } = renderConfiguration(
    inventory,
    declaredGroups(inventory),
    await template('upstream.conf.hbs'),
  );
  const site = renderSite(inventory, { listen: '80' }, await template('site.conf.hbs'));
  for (const { name } of fleet.backends) {
    await fleet.write(name, '/srv/blog.py', SERVER);
    await fleet.sh(name, `install -d -o ${DEPLOY.name} /srv/www/blog ${RELEASE}`);
    await fleet.sh(
      name,
      `cd ${RELEASE}; setsid setpriv --reuid ${DEPLOY.id} --regid ${DEPLOY.id} --clear-groups /usr/bin/python3 /srv/blog.py </dev/null >/dev/null 2>&1 & echo $! >/run/blog.pid`,
    );
  }
  for (const { name } of fleet.balancers) {
    await fleet.sh(name, `install -d -m 711 -o ${DEPLOY.name} /var/lib/orchestrate/blog`);
    await fleet.write(name, '/etc/nginx/orchestrate/blog.conf', configuration);
    await fleet.write(name, '/etc/nginx/sites-fleet/blog.conf', site);
    await fleet.sh(name, 'nginx -t && nginx -s reload');
  }
  const names = fleet.backends.map(({ name }) => name);
  // For a moment the workers of before answer too.
  let inARow = 0;
  await until('the blog answers', 10_000, async () => {
    inARow = names.includes(await ask(fleet.targets[0] ?? '', '/', 'blog.example.com')) ? inARow + 1 : 0;
    return inARow === 20;
  });
  return file;
}

/** Asks the blog ten times a second until it is stopped; keeps what it answered, in words, and when. */
export class Readers {
  readonly answers: { readonly at: number; readonly answer: string }[] = [];
  readonly #target: string;
  #timer: NodeJS.Timeout;

  constructor(fleet: Fleet) {
    this.#target = fleet.targets[0] ?? '';
    this.#timer = setInterval(() => void this.#ask(), 100);
  }

  /** Which hosts answered between two moments; what went wrong stands among them. */
  between(from: number, to: number): string[] {
    return [...new Set(this.answers.filter(({ at }) => at >= from && at < to).map(({ answer }) => answer))].toSorted();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    const at = Date.now();
    const answer = await ask(this.#target, '/', 'blog.example.com').catch((error: unknown) => String(error));
    this.answers.push({ at, answer });
  }
}

/** One GET on a connection of its own. Resolves with the body of a 200, and with `status N` of anything else. */
export function ask(target: string, path: string, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request(new URL(`http://${target}${path}`), { headers: { Host: host }, agent: false }, (answer) => {
      text(answer).then((body) => resolve(answer.statusCode === 200 ? body : `status ${answer.statusCode}`), reject);
    })
      .on('error', reject)
      .end();
  });
}
