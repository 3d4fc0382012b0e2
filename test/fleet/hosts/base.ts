import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { must } from './shell.ts';

/** The user that orchestrate logs in as on every host of the tests. */
export const DEPLOY = { name: 'deploy', id: 1500 } as const;
export const WHEELS = '/var/cache/orchestrate-test/wheels';

export interface BaseOptions {
  readonly authorizedKey: string;
  readonly maxStartups: string;
  readonly maxSessions: number;
}

/** Writes what all hosts of a fleet have of their own, laid over the machine's root: users, sshd's settings, no way out to any name server. */
export async function makeBase(base: string, scripts: string, options: BaseOptions): Promise<void> {
  const put = async (path: string, text: string, mode = 0o644): Promise<void> => {
    await mkdir(dirname(join(base, path)), { recursive: true });
    await writeFile(join(base, path), text);
    await chmod(join(base, path), mode);
  };
  const add = async (path: string, line: string, mode: number): Promise<void> =>
    put(path, `${(await readFile(`/${path}`, 'utf8')).trimEnd()}\n${line}\n`, mode);

  await add('etc/passwd', `${DEPLOY.name}:x:${DEPLOY.id}:${DEPLOY.id}::/home/deploy:/bin/bash`, 0o644);
  await put(
    'etc/group',
    `${(await readFile('/etc/group', 'utf8')).trimEnd().replace(/^(adm:.*)$/m, (line) => `${line}${line.endsWith(':') ? '' : ','}${DEPLOY.name}`)}\n${DEPLOY.name}:x:${DEPLOY.id}:\n`,
  );
  await add('etc/shadow', `${DEPLOY.name}:*:20000:0:99999:7:::`, 0o640);
  await put('etc/resolv.conf', '');
  await put('etc/fleet/start', await readFile(join(scripts, 'start.sh'), 'utf8'), 0o755);
  await put('etc/ssh/fleet_host_key', '', 0o600);
  await must('rm', [join(base, 'etc/ssh/fleet_host_key')]);
  await must('ssh-keygen', [
    '-q',
    '-t',
    'ed25519',
    '-N',
    '',
    '-C',
    'fleet',
    '-f',
    join(base, 'etc/ssh/fleet_host_key'),
  ]);
  await put(
    'etc/ssh/sshd_config',
    [
      'Port 22',
      'HostKey /etc/ssh/fleet_host_key',
      'PidFile /run/sshd.pid',
      'UsePAM no',
      'UseDNS no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PrintMotd no',
      `MaxStartups ${options.maxStartups}`,
      `MaxSessions ${options.maxSessions}`,
      '',
    ].join('\n'),
  );
  await put('home/deploy/.ssh/authorized_keys', options.authorizedKey, 0o600);
  await put('home/deploy/.config/pip/pip.conf', `[global]\nno-index = true\nfind-links = ${WHEELS}\n`);
  for (const path of [
    'home/deploy',
    'home/deploy/.ssh',
    'home/deploy/.ssh/authorized_keys',
    'home/deploy/.config',
    'home/deploy/.config/pip',
    'home/deploy/.config/pip/pip.conf',
  ])
    await chown(join(base, path), DEPLOY.id, DEPLOY.id);
  await chmod(join(base, 'home/deploy/.ssh'), 0o700);
}
