import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { must } from '../fleet/hosts/shell.ts';
import { pause, setScene, type Scene } from './scene.ts';
import { changes, stateOf } from './still.ts';

const CONF = '/etc/nginx/orchestrate/shop.conf';
const ROLL = ['roll', '--ref', 'v2', '--yes'] as const;

interface Ground {
  /** What is wrong: brought about, then mended again. */
  readonly spoil?: () => Promise<unknown>;
  readonly mend?: () => Promise<unknown>;
  /** 3: refused before the first byte was written on a host. 2: usage, inventory. */
  readonly exit?: number;
  readonly args?: readonly string[];
  /** What must be said, each; the last: what to do. */
  readonly says: readonly RegExp[];
}

/** A command on bad ground says so, says what to do, and changes nothing. */
async function refuses(scene: Scene, { spoil, mend, exit = 3, args = ROLL, says }: Ground): Promise<void> {
  await spoil?.();
  try {
    const was = await stateOf(scene.fleet);
    const ran = await scene.orchestrate(...args);
    const text = ran.stdout + ran.stderr;
    if (process.env['ORCHESTRATE_TEST_TELL'] !== undefined)
      console.log(`$ orchestrate ${args.join(' ')}\n${text}[exit ${ran.code}]\n`);
    for (const pattern of says) assert.match(text, pattern);
    assert.equal(ran.code, exit, text);
    assert.deepEqual(changes(was, await stateOf(scene.fleet)), [], 'nothing was changed');
  } finally {
    await mend?.();
  }
}

describe('a roll on bad ground', () => {
  let scene: Scene;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'orchestrate-ground-'));
    scene = await setScene({ name: 'b-ground', balancers: 1, backends: 2 });
  });
  after(async () => {
    await scene.end();
    await rm(folder, { recursive: true, force: true });
  });
  const on = (host: string, script: string) => (): Promise<string> => scene.fleet.sh(host, script);

  /** Lets the operator's known_hosts say something else of a host for a while; null: nothing. */
  async function knowing(host: string, key: string | null, says: readonly RegExp[]): Promise<void> {
    const { knownHosts } = scene.fleet;
    const text = await readFile(knownHosts, 'utf8');
    const address = scene.fleet.addressOf(host);
    const others = text.split('\n').filter((line) => !line.startsWith(`${address} `));
    await refuses(scene, {
      spoil: () => writeFile(knownHosts, [...(key === null ? [] : [`${address} ${key}`]), ...others].join('\n')),
      mend: () => writeFile(knownHosts, text),
      says,
    });
  }

  test('refuses a host whose key it does not know, and says how to get to know it', () =>
    knowing('web2', null, [
      /web2 \(10\.[0-9.]+\) has a key that \S+known_hosts does not list: ssh-ed25519 SHA256:/,
      /compare it with .* then `ssh-keyscan 10\.[0-9.]+ >> /,
    ]));

  test('refuses a host that shows another key than before, and says what that may mean', async () => {
    const other = join(folder, 'other');
    await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
    const key = (await readFile(`${other}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
    await knowing('lb1', key, [
      /lb1 \(10\.[0-9.]+\) has another key than \S+known_hosts:1 lists: it shows .* listed is /,
      /Find out which, .* only then `ssh-keygen -R '10\.[0-9.]+'/,
    ]);
  });

  test('names the host that refuses the login, and the key that was shown', () =>
    refuses(scene, {
      spoil: on('lb1', 'mv /home/deploy/.ssh/authorized_keys /home/deploy/.ssh/none'),
      mend: on('lb1', 'mv /home/deploy/.ssh/none /home/deploy/.ssh/authorized_keys'),
      says: [
        /lb1 \(10\.[0-9.]+\) refused deploy with \S+id_ed25519: Permission denied/,
        /~deploy\/\.ssh\/authorized_keys .*ssh-copy-id/,
      ],
    }));

  test('names the routing folder that it may not write', () =>
    refuses(scene, {
      spoil: on('lb1', 'chown root /var/lib/orchestrate/shop'),
      mend: on('lb1', 'chown deploy /var/lib/orchestrate/shop'),
      says: [
        /lb1: the routing folder \/var\/lib\/orchestrate\/shop can't be written/,
        /What to do: As root on that balancer: install -d -m 711 -o \S+ \/var\/lib\/orchestrate\/shop/,
      ],
    }));

  test('names the release root that it may not write', () =>
    refuses(scene, {
      spoil: on('web2', 'chown root /srv/www/shop'),
      mend: on('web2', 'chown deploy /srv/www/shop'),
      says: [
        /web2: \/srv\/www\/shop can't be written by deploy/,
        /What to do: As root on that backend: install -d -o deploy \/srv\/www\/shop/,
      ],
    }));

  test('names the folder of static files that it may not write, before anything is built', () =>
    refuses(scene, {
      spoil: on('lb1', 'chown root /srv/www/shop-static'),
      mend: on('lb1', 'chown deploy /srv/www/shop-static'),
      says: [
        /lb1: .*deploy can't write in \/srv\/www\/shop-static; as root: install -d -o deploy \/srv\/www\/shop-static/,
        /What to do: Run that line there, then the same command again/,
      ],
    }));

  test('names the disk that has no room for the release, before anything is built', () =>
    refuses(scene, {
      spoil: on(
        'web2',
        'mkdir -p /mnt/real && mount --bind /srv/www/shop /mnt/real && mount -t tmpfs -o size=150m,mode=755 tmpfs /srv/www/shop && chown deploy: /srv/www/shop && cp -a /mnt/real/. /srv/www/shop/ && { dd if=/dev/zero of=/srv/www/shop/filler bs=4k 2>/dev/null || :; } && truncate -s -102400 /srv/www/shop/filler',
      ),
      mend: on('web2', 'umount -l /srv/www/shop && umount /mnt/real'),
      says: [
        /web2: .*only \d+ kB are free at \/srv\/www\/shop, and this takes up to \d+ kB/,
        /What to do: Make room on that host \(`orchestrate prune` removes old releases\)/,
      ],
    }));

  describe('where Nginx must be reloaded', () => {
    before(() => scene.configure({ backends: { web1: { address: scene.fleet.addressOf('web1'), weight: 2 } } }));
    after(() => scene.configure({}));

    test('tells the fault that somebody else made in the configuration, before anything is built', () =>
      refuses(scene, {
        spoil: on('lb1', "echo 'server { nonsense on; }' >/etc/nginx/sites-fleet/other.conf"),
        mend: on('lb1', 'rm /etc/nginx/sites-fleet/other.conf'),
        says: [
          /lb1: .*`sudo nginx -t` fails: .*unknown directive "nonsense" in \/etc\/nginx\/sites-fleet\/other\.conf:1/,
          /What to do: Mend what stands above/,
        ],
      }));

    test('tells that sudo does not let it test Nginx', () =>
      refuses(scene, {
        spoil: on('lb1', 'mv /etc/sudoers.d/orchestrate-shop /root/'),
        mend: on('lb1', 'mv /root/orchestrate-shop /etc/sudoers.d/'),
        says: [
          /lb1: .*`sudo nginx -t` fails: sudo: a password is required/,
          /What to do: `orchestrate check` names the missing right and the line that mends it/,
        ],
      }));

    test('tells that it may not write beside the configuration', () =>
      refuses(scene, {
        spoil: on('lb1', 'chown root /etc/nginx/orchestrate'),
        mend: on('lb1', 'chown deploy /etc/nginx/orchestrate'),
        says: [
          /lb1: .*deploy can't write in \/etc\/nginx\/orchestrate/,
          /What to do: Run that line there, then the same command again/,
        ],
      }));
  });

  test('does not overwrite what somebody edited in the configuration', () =>
    refuses(scene, {
      spoil: on('lb1', `cp -p ${CONF} /root/ && sed -i 's/:8000/:8001/' ${CONF}`),
      mend: on('lb1', `cp -p /root/shop.conf ${CONF}`),
      says: [
        /lb1: \/etc\/nginx\/orchestrate\/shop\.conf was edited after it was made/,
        /What to do: Put the change into nginx\.template/,
      ],
    }));

  test('tells that another answers where the status server should', () =>
    refuses(scene, {
      spoil: on(
        'lb1',
        `printf 'server { listen 127.0.0.1:8099; server_name orchestrate-shop; location / { return 200 hello; } }' >/etc/nginx/orchestrate/aa.conf && nginx -s reload && sleep 1`,
      ),
      mend: on('lb1', 'rm /etc/nginx/orchestrate/aa.conf && nginx -s reload && sleep 1'),
      says: [
        /lb1: 127\.0\.0\.1:8099 is answered by something else \(status 200\)/,
        /What to do: .*choose another nginx\.status/,
      ],
    }));

  test('names the location that sends to backends past the routing', () =>
    refuses(scene, {
      spoil: async () => {
        const direct = `location /direct { rewrite ^ / break; proxy_pass http://${scene.fleet.addressOf('web1')}:8000; }`;
        await scene.fleet.sh(
          'lb1',
          `cp -p /etc/nginx/sites-fleet/shop.conf /root/site && sed -i 's#location / {#${direct} location / {#' /etc/nginx/sites-fleet/shop.conf && nginx -s reload && sleep 1.5`,
        );
        const { status } = await fetch(`http://${scene.fleet.addressOf('lb1')}/direct`, {
          headers: { connection: 'close' },
        });
        assert.equal(status, 200);
      },
      mend: on(
        'lb1',
        'cp -p /root/site /etc/nginx/sites-fleet/shop.conf && nginx -s reload && : >/var/log/nginx/shop.json && sleep 1',
      ),
      says: [
        /lb1: 1 of the latest requests \(as .*\/direct\) reached web1 outside the routing, by /,
        /What to do: Give that location the lines of `location \/`/,
      ],
    }));

  test('refuses to leave fewer in rotation than roll.min_in_rotation asks for', () =>
    refuses(scene, {
      args: [...ROLL, '--batch', '2'],
      exit: 2,
      says: [
        /Taking web1 and web2 out would leave 0 of 2 backends in rotation; roll\.min_in_rotation asks for 1\./,
        /What to do: Give a smaller --batch/,
      ],
    }));

  test('does not begin where nobody can be asked', () =>
    refuses(scene, {
      args: ['roll', '--ref', 'v2'],
      exit: 2,
      says: [/There is nobody to ask: this is not a terminal/, /What to do: .*--dry-run.*--yes/],
    }));

  test('refuses a ref that is not there', () =>
    refuses(scene, {
      args: ['roll', '--ref', 'v99', '--yes'],
      exit: 2,
      says: [/has no branch, tag or commit “v99”/, /What to do: .*--ref/],
    }));

  test('that is the second of two at once is told who holds the fleet, with what, since when and until when', async () => {
    const first = scene.begin(...ROLL, '--json');
    try {
      await until(
        async () =>
          (await scene.fleet.exec('lb1', 'grep -q "until\\":[1-9]" /var/lib/orchestrate/shop/lease.json')).code === 0,
      );
      const second = await scene.orchestrate('drain', 'web1', '--yes');
      assert.equal(second.code, 3, second.stdout + second.stderr);
      assert.match(
        second.stderr,
        /\S+@\S+ holds the lease on lb1 with `roll --ref v2` since 20\d\d-\S+Z?; it ends in \d+ s unless it is renewed/,
      );
      assert.match(second.stderr, /What to do: Wait until it is done\. A lease whose holder died ends by itself\./);
    } finally {
      const { code, stdout, stderr } = await first.ended;
      assert.equal(code, 0, stdout + stderr);
    }
    assert.deepEqual((await scene.status()).drift, []);
  });
});

describe('a roll where an administrator installs the configuration', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'b-fixed', balancers: 1, backends: 2, configuration: 'fixed' }, null);
  });
  after(() => scene.end());

  test('refuses a group whose address was edited: it would drain another machine', () =>
    refuses(scene, {
      spoil: () =>
        scene.fleet.sh(
          'lb1',
          `cp -p ${CONF} /root/ && sed -i '/out-web1/,/}/ s/${scene.fleet.addressOf('web2')}:8000/10.77.0.99:8000/' ${CONF} && nginx -s reload && sleep 1`,
        ),
      mend: () => scene.fleet.sh('lb1', `cp -p /root/shop.conf ${CONF} && nginx -s reload && sleep 1`),
      says: [
        /lb1: \/etc\/nginx\/orchestrate\/shop\.conf was edited after it was made: what its groups send where can't be relied on/,
        /What to do: Install what `orchestrate init --print upstream` prints/,
      ],
    }));

  test('refuses groups that are other than the inventory asks for', async () => {
    await scene.configure({ backends: { web1: { address: scene.fleet.addressOf('web1'), weight: 2 } } });
    await refuses(scene, {
      mend: () => scene.configure({}),
      says: [
        /Nginx has not loaded the groups that this needs, and nginx\.configuration is `fixed`: nothing was changed/,
        /What to do: Let an administrator install/,
      ],
    });
  });
});

async function until(so: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 200 && !(await so()); look += 1) await pause(50);
}
