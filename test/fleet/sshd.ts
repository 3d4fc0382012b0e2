import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Host, HostSsh } from '../../src/core/inventory.ts';
import type { SshEnvironment } from '../../src/fleet/ssh-config.ts';

/** A real sshd on 127.0.0.1 with keys of its own, into which this machine's user logs in. */
export interface Sshd {
  readonly folder: string;
  readonly port: number;
  readonly pid: number;
  /** The private keys' paths; the public halves have `.pub`. */
  readonly userKey: string;
  readonly hostKey: string;
  readonly knownHosts: string;
  /** The host as the inventory would have it. */
  host(name: string, ssh?: Partial<HostSsh>): Host;
  /** Processes of sshd that serve a connection now. */
  sessions(): number[];
  /** What sshd has logged so far. */
  log(): string;
  stop(): Promise<void>;
}

/** `settings`: lines for sshd_config, which win over the defaults here; they may name files in the folder. */
export async function startSshd(settings: (folder: string) => readonly string[] = () => []): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'sshd-'));
  const [userKey, hostKey, knownHosts] = [join(folder, 'user'), join(folder, 'host'), join(folder, 'known_hosts')];
  makeKey(userKey);
  makeKey(hostKey);
  writeFileSync(join(folder, 'authorized_keys'), readFileSync(`${userKey}.pub`), { mode: 0o600 });
  const port = await freePort();
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${readFileSync(`${hostKey}.pub`, 'utf8')}`);
  const config = [
    ...settings(folder),
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${folder}/authorized_keys`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'UseDNS no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin yes',
    'LogLevel VERBOSE',
    // Or bash would read the developer's own .bashrc, as it does under sshd at its first level.
    'SetEnv SHLVL=1',
  ];
  writeFileSync(join(folder, 'sshd_config'), `${config.join('\n')}\n`);
  mkdirSync('/run/sshd', { recursive: true });
  // It dies with the test, however that ends.
  const command = ['--pdeathsig', 'TERM', '/usr/sbin/sshd', '-D', '-e', '-f', join(folder, 'sshd_config')];
  const child = spawn('setpriv', command, {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const { pid } = child;
  if (pid === undefined) throw new Error('sshd could not be started');
  while (!log.includes('Server listening')) {
    // oxlint-disable-next-line no-await-in-loop
    await Promise.race([once(child.stderr, 'data'), once(child, 'exit')]);
    if (child.exitCode !== null) throw new Error(`sshd ended: ${log}`);
  }
  return {
    folder,
    port,
    pid,
    userKey,
    hostKey,
    knownHosts,
    host: (name, ssh = {}) => ({
      name,
      address: '127.0.0.1',
      ssh: {
        user: userInfo().username,
        port,
        identity_file: userKey,
        known_hosts: knownHosts,
        config: false,
        connect_timeout: 5000,
        keepalive: 15_000,
        ...ssh,
      },
    }),
    sessions: () => childrenOf(pid),
    log: () => log,
    stop: async () => {
      const sessions = childrenOf(pid);
      if (child.exitCode === null && child.signalCode === null) {
        child.kill();
        await once(child, 'exit');
      }
      for (const session of sessions) kill(session);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** An ed25519 key pair at `path` and `path.pub`. */
export function makeKey(path: string, passphrase = ''): void {
  const made = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'test', '-f', path]);
  if (made.status !== 0) throw new Error(`ssh-keygen: ${made.stderr.toString()}`);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server's address is no string
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The files of this machine; an empty home, so that the developer's own keys are never tried. */
export const environment: SshEnvironment = {
  home: '/nonexistent',
  user: userInfo().username,
  readFile: (path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  },
};

export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
