import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Disk } from './disk.ts';
import { must } from './shell.ts';

/** The user that orchestrate logs in as on every host of the tests. */
export const DEPLOY = { name: 'deploy', id: 1500 } as const;
/** Where test/setup.sh leaves the wheels. */
export const WHEELS = '/var/cache/orchestrate-test/wheels';
const HOST_KEY = '/etc/ssh/fleet_host_key';

export interface BaseOptions {
  /** The operator's public key. */
  readonly authorizedKey: string;
  /** sshd as Debian sets it, or for large fleets. */
  readonly sshd: 'debian' | 'large';
}

/** Folders of the machine that a host has for itself, empty at first. */
const OWN = ['home', 'root', 'srv', 'opt', 'mnt', 'media', 'var/log', 'var/tmp', 'var/lib/orchestrate', 'etc/sudoers.d']
  .concat(['etc/nginx/orchestrate', 'etc/nginx/conf.d', 'etc/supervisor', 'etc/tmpfiles.d'])
  .concat(['var/lib/postgresql', 'var/www']);
/** What a Debian has at its top; everything else there is this machine's own business, and no host sees it. */
const DEBIAN = /^(bin|boot|dev|etc|home|lib.*|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)$/;

/**
 * Writes what all hosts of a fleet have of their own, laid over the machine's root: users, sshd's settings, no way to any name server.
 * Returns the host key, as known_hosts has it: one for all.
 */
export async function makeBase(root: string, options: BaseOptions): Promise<string> {
  const disk = new Disk(root);
  await hide(disk);
  const { name, id } = DEPLOY;
  await disk.file('etc/passwd', `${await machine('/etc/passwd')}\n${name}:x:${id}:${id}::/home/${name}:/bin/bash\n`);
  // Debian's group adm reads the logs.
  const groups = (await machine('/etc/group')).replace(
    /^adm:.*$/m,
    (line) => `${line}${line.endsWith(':') ? '' : ','}${name}`,
  );
  await disk.file('etc/group', `${groups}\n${name}:x:${id}:\n`);
  await disk.file('etc/shadow', `${await machine('/etc/shadow')}\n${name}:*:20000:0:99999:7:::\n`, 0o640);
  await disk.file('etc/resolv.conf', '');
  await disk.file('etc/fleet/start', await readFile(join(import.meta.dirname, 'start.sh'), 'utf8'), 0o755);
  await disk.folder('etc/ssh');
  await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'fleet', '-f', join(root, HOST_KEY)]);
  await disk.file('etc/ssh/sshd_config', sshd(options.sshd === 'large'));
  await disk.folder('root', 0o700);
  await disk.folder('home/deploy', 0o755, id);
  await disk.folder('home/deploy/.ssh', 0o700, id);
  await disk.file('home/deploy/.ssh/authorized_keys', options.authorizedKey, 0o600, id);
  await disk.folder('home/deploy/.config', 0o755, id);
  await disk.folder('home/deploy/.config/pip', 0o755, id);
  await disk.file('home/deploy/.config/pip/pip.conf', `[global]\nno-index = true\nfind-links = ${WHEELS}\n`, 0o644, id);
  return (await readFile(join(root, `${HOST_KEY}.pub`), 'utf8')).split(' ').slice(0, 2).join(' ');
}

/** A file of the machine's, without its own user of our name. */
async function machine(path: string): Promise<string> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith(`${DEPLOY.name}:`)).join('\n');
}

/** Overlay's own signs: what is opaque shows nothing of the layer below, and a device 0,0 hides a name. */
async function hide(disk: Disk): Promise<void> {
  await mkdir(disk.root, { recursive: true });
  for (const path of OWN) await disk.folder(path, path === 'var/tmp' ? 0o1777 : 0o755);
  const opaque = 'import os,sys\nfor path in sys.argv[1:]: os.setxattr(path, "trusted.overlay.opaque", b"y")';
  await must('/usr/bin/python3', ['-I', '-c', opaque, ...OWN.map((path) => join(disk.root, path))]);
  for (const name of (await readdir('/')).filter((each) => !DEBIAN.test(each)))
    await must('mknod', [join(disk.root, name), 'c', '0', '0']);
}

const sshd = (large: boolean): string =>
  [
    'Port 22',
    `HostKey ${HOST_KEY}`,
    'PidFile /run/sshd.pid',
    'UsePAM no',
    'UseDNS no',
    'PermitRootLogin no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PrintMotd no',
    `MaxStartups ${large ? '200:30:400' : '10:30:100'}`,
    `MaxSessions ${large ? 50 : 10}`,
    'Subsystem sftp internal-sftp',
    '',
  ].join('\n');
