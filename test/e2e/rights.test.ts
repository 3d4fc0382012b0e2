import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { CheckReport } from '../../src/core/checks.ts';
import { setScene, type Scene } from './scene.ts';
import { changes } from './still.ts';

const ALL = Boolean(process.env['ORCHESTRATE_TEST_ALL']);

/** One right less than the documented ones. */
interface Right {
  readonly name: string;
  readonly host: 'lb1' | 'web1';
  /** As root on that host. */
  readonly spoil: string;
  /** What `check` must say of it, and the line that mends it. Everything that is told missing must be one of these. */
  readonly says: readonly RegExp[];
  readonly mends: RegExp;
  /** Where the line of `check` is for no shell, or for a host with systemd: what a person does who reads it. */
  readonly mend?: string;
  /** Also in the sample that every run of the tests has. */
  readonly sample?: boolean;
}

const SUDOERS = '/etc/sudoers.d/orchestrate-shop';
const CONF = '/etc/nginx/orchestrate/shop.conf';
const PROGRAM = '/etc/supervisor/conf.d/shop.conf';
const NEW_PROGRAM = 'supervisorctl update >/dev/null && sleep 0.5';

/** What both ways of keeping the configuration need. */
const BOTH: readonly Right[] = [
  {
    name: 'the routing folder is not its own',
    host: 'lb1',
    spoil: 'chown root /var/lib/orchestrate/shop',
    says: [/deploy can't write in \/var\/lib\/orchestrate\/shop$/],
    mends: /^as root: install -d -m 711 -o deploy \/var\/lib\/orchestrate\/shop$/,
    sample: true,
  },
  {
    name: 'Nginx’s workers may not enter the routing folder',
    host: 'lb1',
    spoil: 'chmod 700 /var/lib/orchestrate/shop',
    says: [/Nginx's workers \(www-data\) may not pass \/var\/lib\/orchestrate\/shop/],
    mends: /^as root: chmod a\+x \/var\/lib\/orchestrate\/shop$/,
  },
  {
    name: 'something in the routing folder is another’s',
    host: 'lb1',
    spoil: 'mkdir /var/lib/orchestrate/shop/groups && touch /var/lib/orchestrate/shop/groups/all',
    says: [/^\/var\/lib\/orchestrate\/shop\/groups\S* belongs to root, not to deploy$/],
    mends: /^as root: chown -Rh deploy \/var\/lib\/orchestrate\/shop$/,
  },
  {
    name: 'the folder of static files is not its own',
    host: 'lb1',
    spoil: 'chown root /srv/www/shop-static',
    says: [/deploy can't write in \/srv\/www\/shop-static$/],
    mends: /^as root: install -d -m 755 -o deploy \/srv\/www\/shop-static$/,
    sample: true,
  },
  {
    name: 'Nginx’s workers may not enter the folder of static files',
    host: 'lb1',
    spoil: 'chmod 750 /srv/www/shop-static',
    says: [/Nginx's workers may not pass \/srv\/www\/shop-static /],
    mends: /^as root: chmod a\+x \/srv\/www\/shop-static$/,
  },
  {
    name: 'the access log can’t be read',
    host: 'lb1',
    spoil: 'gpasswd -d deploy adm',
    says: [/deploy can't read \/var\/log\/nginx\/shop\.json \(it belongs to www-data:adm, mode 640\)$/],
    mends: /^as root: usermod -aG adm deploy$/,
    sample: true,
  },
  {
    name: 'the configuration can’t be read',
    host: 'lb1',
    spoil: `chown root: ${CONF} && chmod 600 ${CONF}`,
    says: [/^\/etc\/nginx\/orchestrate\/shop\.conf can't be read$/],
    mends: /^as root: chmod 644 \/etc\/nginx\/orchestrate\/shop\.conf$/,
  },
  {
    name: 'sshd lets no tunnel through',
    host: 'lb1',
    spoil: "sed -i '1iAllowTcpForwarding no' /etc/ssh/sshd_config && kill -s HUP $(cat /run/sshd.pid) && sleep 0.3",
    says: [
      /the status server 127\.0\.0\.1:8099 does not answer: .*AllowTcpForwarding/,
      /^lb1 lets no tunnel through to /,
    ],
    mends: /AllowTcpForwarding yes in \/etc\/ssh\/sshd_config, then systemctl reload ssh/,
    mend: "sed -i '/^AllowTcpForwarding/d' /etc/ssh/sshd_config && kill -s HUP $(cat /run/sshd.pid) && sleep 0.3",
    sample: true,
  },
  {
    name: 'there is no folder for temporary files',
    host: 'lb1',
    spoil: 'chmod 755 /tmp',
    says: [/^the folder for temporary files can't be written$/],
    mends: /^as root: chmod 1777 \/tmp$/,
  },
  {
    name: 'the releases’ folder is not its own',
    host: 'web1',
    spoil: 'chown root /srv/www/shop',
    says: [/deploy can't write in \/srv\/www\/shop$/],
    mends: /^as root: install -d -m 755 -o deploy \/srv\/www\/shop$/,
    sample: true,
  },
  {
    name: 'something among the releases is another’s',
    host: 'web1',
    spoil: 'mkdir /srv/www/shop/virtualenvs',
    says: [/^\/srv\/www\/shop\/virtualenvs belongs to root, not to deploy$/],
    mends: /^as root: chown -h deploy \/srv\/www\/shop\/virtualenvs$/,
  },
  {
    name: 'the environment can’t be read',
    host: 'web1',
    spoil: 'chown root /srv/www/shop/shared/env',
    says: [/deploy can't read \/srv\/www\/shop\/shared\/env \(root's, mode 600\)$/],
    mends: /^as root: chown deploy \/srv\/www\/shop\/shared\/env && chmod 600 \/srv\/www\/shop\/shared\/env$/,
    sample: true,
  },
  {
    name: 'the folder of the pid files is not its own',
    host: 'web1',
    spoil: 'chown root /run/shop',
    says: [/deploy can't write in \/run\/shop$/],
    mends: /^as root: install -d -o deploy \/run\/shop$/,
    sample: true,
  },
  {
    name: 'there is no folder of the pid files',
    host: 'web1',
    spoil: 'mv /run/shop /run/away',
    says: [
      /^there is no \/run\/shop, where the pid files are$/,
      /^no wrapper runs for port 8000 \(\/run\/shop\/8000\.slot\)$/,
    ],
    mends:
      /^here: orchestrate .*init --print tmpfiles \| ssh root@\S+ 'cat >\/etc\/tmpfiles\.d\/shop\.conf && systemd-tmpfiles --create'$/,
    mend: 'mv /run/away /run/shop',
  },
  {
    name: 'the wrapper can’t be run',
    host: 'web1',
    spoil: 'chmod 600 /usr/local/lib/orchestrate/run-slot.sh',
    says: [/^there is no \/usr\/local\/lib\/orchestrate\/run-slot\.sh$/],
    mends:
      /^here: orchestrate .*init --print run-slot \| ssh root@\S+ 'install -D -m 755 \/dev\/stdin \S+run-slot\.sh'$/,
    mend: 'chmod 755 /usr/local/lib/orchestrate/run-slot.sh',
  },
  {
    name: 'the manager runs the service as another user',
    host: 'web1',
    spoil: `chmod 777 /run/shop && sed -i s/^user=deploy/user=www-data/ ${PROGRAM} && ${NEW_PROGRAM}`,
    says: [
      /^\/etc\/supervisor\/conf\.d\/shop\.conf runs it as www-data, not as deploy$/,
      /^the wrapper of port 8000 runs as www-data, not as deploy: /,
    ],
    mends: /^there: user=deploy, then supervisorctl update$/,
    mend: `chmod 755 /run/shop && sed -i s/^user=www-data/user=deploy/ ${PROGRAM} && ${NEW_PROGRAM}`,
    sample: true,
  },
  {
    name: 'the manager does not start the service again',
    host: 'web1',
    spoil: `sed -i 's/^autorestart=.*/autorestart=unexpected/; s/^startsecs=.*/startsecs=1/' ${PROGRAM}`,
    says: [/conf has autorestart=unexpected: a clean end /, /conf has startsecs=1: what ends early /],
    mends: /^there: autorestart=true, then supervisorctl update$/,
    mend: `sed -i 's/^autorestart=.*/autorestart=true/; s/^startsecs=.*/startsecs=0/' ${PROGRAM}`,
  },
];

const MANAGED: readonly Right[] = [
  {
    name: 'the configuration’s folder is not its own',
    host: 'lb1',
    spoil: 'chown root /etc/nginx/orchestrate',
    says: [/deploy can't write in \/etc\/nginx\/orchestrate, where \/etc\/nginx\/orchestrate\/shop\.conf is replaced$/],
    mends: /^as root: install -d -m 755 -o deploy \/etc\/nginx\/orchestrate$/,
    sample: true,
  },
  {
    name: 'sudo does not allow the test of Nginx',
    host: 'lb1',
    spoil: `sed -i 's#/usr/sbin/nginx -t, ##' ${SUDOERS}`,
    says: [/^sudo does not allow deploy `\/usr\/sbin\/nginx -t` without a password$/],
    mends: /^as root: echo 'deploy ALL=\(root\) NOPASSWD: \/usr\/sbin\/nginx -t, \/usr\/sbin\/nginx -s reload' >/,
    sample: true,
  },
  {
    name: 'sudo does not allow the reload of Nginx',
    host: 'lb1',
    spoil: `sed -i 's#, /usr/sbin/nginx -s reload##' ${SUDOERS}`,
    says: [/^sudo does not allow deploy `\/usr\/sbin\/nginx -s reload` without a password$/],
    mends: /^as root: echo 'deploy ALL=\(root\) NOPASSWD: \/usr\/sbin\/nginx -t, \/usr\/sbin\/nginx -s reload' >/,
    sample: true,
  },
  {
    name: 'there is no line for sudo',
    host: 'lb1',
    spoil: `rm ${SUDOERS}`,
    says: [/^sudo does not allow deploy `\/usr\/sbin\/nginx -t` and `\/usr\/sbin\/nginx -s reload` without a password/],
    mends:
      /^as root: echo 'deploy ALL=\(root\) NOPASSWD: .*' >\/etc\/sudoers\.d\/orchestrate-shop && chmod 440 \S+ && visudo -c$/,
  },
];

/** What `check` must not let pass in silence where nothing of it is needed. */
const TOO_MUCH: readonly Right[] = [
  {
    name: 'sudo',
    host: 'lb1',
    spoil: `echo 'deploy ALL=(root) NOPASSWD: /usr/sbin/nginx -s reload' >${SUDOERS} && chmod 440 ${SUDOERS}`,
    says: [/^sudo allows deploy `\/usr\/sbin\/nginx -s reload`; orchestrate needs no sudo here/],
    mends: /^$/,
    mend: `rm ${SUDOERS}`,
  },
  {
    name: 'the configuration’s folder',
    host: 'lb1',
    spoil: 'chown deploy /etc/nginx/orchestrate',
    says: [/deploy may write in \/etc\/nginx\/orchestrate; with nginx\.configuration: fixed that right is not needed/],
    mends: /^as root: chown root: \/etc\/nginx\/orchestrate$/,
  },
];

for (const [configuration, rights] of [
  ['managed', [...MANAGED, ...BOTH]],
  ['fixed', BOTH],
] as const)
  describe(`the rights that are documented, ${configuration}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await setScene({ name: `rights-${configuration}`, balancers: 1, backends: 1, configuration }, null);
    });
    after(() => scene.end());

    async function check(): Promise<{ readonly code: number; readonly report: CheckReport; readonly said: string }> {
      const { code, stdout, stderr } = await scene.orchestrate('check', '--json');
      assert.match(stdout, /^\{/, stderr);
      return { code, report: JSON.parse(stdout) as CheckReport, said: stdout };
    }

    /** The lines of a verdict, each with its host. */
    const told = (report: CheckReport, verdict: 'missing' | 'note'): { host: string; says: string; mend: string }[] =>
      report.hosts.flatMap(({ host, checks }) =>
        checks.flatMap((each) => (each.verdict === verdict ? [{ host, says: each.says, mend: each.mend ?? '' }] : [])),
      );

    test('are enough, and are what `init` prints: to take its steps again changes nothing', async () => {
      const { code, said } = await check();
      assert.equal(code, 0, said);
      assert.match(said, configuration === 'managed' ? /, and nothing else"/ : /^(?!.*sudo)/s);
      const was = await rightsOf(scene);
      await takeSteps(scene, configuration === 'managed' ? 13 : 11);
      assert.deepEqual(changes(was, await rightsOf(scene)), []);
      const sudo = await scene.fleet.sh('lb1', 'sudo -l -U deploy');
      if (configuration === 'managed')
        assert.match(sudo, /\n +\(root\) NOPASSWD: \/usr\/sbin\/nginx -t, \/usr\/sbin\/nginx -s reload$/);
      else assert.match(sudo, /deploy is not allowed to run sudo/);
      assert.match(await scene.fleet.sh('web1', 'sudo -l -U deploy'), /deploy is not allowed to run sudo/);
    });

    for (const right of rights.filter(({ sample }) => ALL || (sample === true && configuration === 'managed')))
      test(`where ${right.name}, \`check\` names it, and its line mends it`, async () => {
        await scene.fleet.sh(right.host, right.spoil);
        const { code, report, said } = await check();
        const missing = told(report, 'missing');
        const line = missing.map(({ mend }) => mend).find((mend) => right.mends.test(mend));
        // Before anything is asserted, so that the next one finds all in order.
        const mend = right.mend ?? line?.replace(/^as root: /, '');
        if (mend !== undefined) await scene.fleet.sh(right.host, mend);
        assert.ok(line !== undefined, said);
        assert.equal(code, 3, said);
        // A tunnel is missed where it leads to.
        const hosts = new Set(
          missing.flatMap(({ host, says }) => (says.startsWith('lb1 lets no tunnel') ? [] : [host])),
        );
        assert.deepEqual([...hosts], [right.host]);
        for (const says of right.says)
          assert.ok(
            missing.some((each) => says.test(each.says)),
            `${says}: ${said}`,
          );
        const others = missing.filter(({ says }) => !right.says.some((pattern) => pattern.test(says)));
        assert.deepEqual(others, []);
      });

    if (configuration === 'fixed')
      for (const right of TOO_MUCH)
        test(`what is not needed is named: ${right.name}`, async () => {
          await scene.fleet.sh(right.host, right.spoil);
          const { code, report, said } = await check();
          assert.equal(code, 0, said);
          const note = told(report, 'note').find(({ says }) => right.says[0]?.test(says));
          assert.ok(note !== undefined && right.mends.test(note.mend), said);
          await scene.fleet.sh(right.host, right.mend ?? note.mend.replace(/^as root: /, ''));
        });

    test('are enough again once all is mended', async () => {
      const { code, said } = await check();
      assert.equal(code, 0, said);
    });
  });

/** Owners, modes and contents of everything that the steps of `init` are about, and what the user is. */
async function rightsOf({ fleet }: Scene): Promise<string[]> {
  const places = [
    '/etc/nginx/orchestrate /etc/nginx/conf.d /etc/sudoers.d /etc/supervisor /etc/tmpfiles.d /usr/local/lib/orchestrate',
    '/var/lib/orchestrate/shop /srv/www /run/shop /var/log/nginx/shop.json',
  ].join(' ');
  const look = `id deploy; for place in ${places}; do [ ! -e $place ] || find $place \\( ! -name '8000.*' ! -name shop.json -type f -exec sha256sum {} + \\) -o -printf '' ; done; for place in ${places}; do [ ! -e $place ] || find $place ! -name '8000.*' -printf '%p %y %m %u %g\\n'; done | sort`;
  const found = await Promise.all(
    fleet.hosts.map(async ({ name }) => (await fleet.sh(name, look)).split('\n').map((line) => `${name}: ${line}`)),
  );
  return found.flat();
}

/** Does what `init --print steps` says, as root on the hosts; only what installs Debian's packages or asks for a site is left out. */
async function takeSteps(scene: Scene, least: number): Promise<void> {
  const { fleet } = scene;
  const { stdout } = await scene.expect(0, 'init', '--print', 'steps');
  let taken = 0;
  let hosts: string[] = [];
  for (const line of stdout.split('\n')) {
    const section = /^On each (balancer|backend) \((.*)\):$/.exec(line);
    if (section !== null) hosts = (section[2] ?? '').split(', ');
    const [, command] = /^ {5}(\S.*)$/.exec(line) ?? [];
    if (command === undefined || /^(ssh|apt-get|access_log) /.test(command)) continue;
    const [, args, there] = /orchestrate (.*) \| ssh root@\S+ '(.*)'(?:; done)?$/.exec(command) ?? [];
    const words = args?.split(' ') ?? [];
    const text = args === undefined ? '' : (await scene.expect(0, ...words.slice(words.indexOf('init')))).stdout;
    // What it would do, these hosts do as they boot (hosts/start.sh).
    const script = (there ?? command).replace(/ && systemd-tmpfiles --create$/, '');
    // By a pipe, as sshd gives it.
    for (const host of hosts) await fleet.sh(host, `cat | {\n${script}\n}`, text);
    taken += 1;
  }
  assert.ok(taken >= least, `${taken} steps`);
}
