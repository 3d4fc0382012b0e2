import { ConnectError } from '../ports.ts';
import type { SshEnd } from '../ssh-config.ts';
import type { Login } from './keys.ts';
import { fingerprint, keyType, knownName } from './known-hosts.ts';
import type { Verdict } from './known-hosts.ts';

/** One hop as messages name it. */
export interface Hop {
  /** The host that is wanted in the end, by its name in the inventory. */
  readonly host: string;
  readonly end: SshEnd;
  /** Whether the end is a jump host on the way to it. */
  readonly jump: boolean;
}

/** `web1 (10.0.0.11)`, `the jump host bastion.example.com`. */
function place({ host, end, jump }: Hop): string {
  const address = end.port === 22 ? end.address : `${end.address} port ${end.port}`;
  return jump ? `the jump host ${address}` : `${host} (${address})`;
}

/** The socket's own error in words. */
export function unreachable(hop: Hop, error: Error & { code?: unknown }): ConnectError {
  const { end } = hop;
  const at = `${end.address} port ${end.port}`;
  switch (error.code) {
    case 'ECONNREFUSED':
      return refusal(hop, 'unreachable', 'refused the connection', `See that sshd runs there and listens on ${at}.`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return refusal(
        hop,
        'unreachable',
        `has no address: the name ${end.address} is not known`,
        'Mend its address in the inventory, or the name server.',
      );
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return refusal(
        hop,
        'unreachable',
        'has no route to it',
        `See whether this machine reaches ${at}: \`nc -vz ${end.address} ${end.port}\`.`,
      );
    default:
      return refusal(hop, 'unreachable', `can't be reached: ${error.message}`, `Try \`${sshLine(end)}\`.`);
  }
}

export const timedOut = (hop: Hop, ms: number, doing: string): ConnectError =>
  refusal(
    hop,
    'timed out',
    `gave no answer within ${ms / 1000} s while ${doing}`,
    `Try \`${sshLine(hop.end)}\`; ssh.connect_timeout allows more time.`,
  );

export function resetEachTime(hop: Hop, attempts: number, error: Error): ConnectError {
  return refusal(
    hop,
    'unreachable',
    `closed the connection before the login, ${attempts} ${attempts === 1 ? 'time' : 'times'}: ${error.message}`,
    'Its sshd may have too many logins at once (MaxStartups) or keep this address out; its log says which. A lower ssh.concurrency helps.',
  );
}

export const noCommonWay = (hop: Hop, error: Error): ConnectError =>
  refusal(
    hop,
    'configuration',
    `shook no hands: ${error.message}`,
    `\`${sshLine(hop.end)} -v\` shows what its sshd offers.`,
  );

/** Why the key that was shown is not taken, and how a person makes sure of it. */
export function hostKey(hop: Hop, key: Buffer, verdict: Exclude<Verdict, { kind: 'known' }>): ConnectError {
  const { end } = hop;
  const file = end.knownHosts[0] ?? '~/.ssh/known_hosts';
  const name = knownName(end.hostKeyAlias ?? end.address, end.port);
  const shown = `${keyType(key)} ${fingerprint(key)}`;
  const compare = `compare it with what \`ssh-keygen -lf\` prints for its key in /etc/ssh on the host's own console`;
  const scan = `ssh-keyscan${end.port === 22 ? '' : ` -p ${end.port}`} ${end.address}`;
  if (verdict.kind === 'revoked') {
    return refusal(
      hop,
      'host key',
      `shows a key that ${where(verdict.by)} revokes: ${shown}`,
      'Give the host a new key; this one must not be used.',
    );
  }
  if (verdict.kind === 'changed') {
    const { listed } = verdict;
    return refusal(
      hop,
      'host key',
      `has another key than ${where(listed)} lists: it shows ${shown}, listed is ${fingerprint(listed.key)}. Either it was set up anew, or somebody stands between`,
      `Find out which, and ${compare}; only then \`ssh-keygen -R '${name}' -f ${listed.file}\` and \`${scan} >> ${file}\`.`,
    );
  }
  const { authority } = verdict;
  const also =
    authority === undefined
      ? ''
      : ` (${where(authority)} lists a certificate authority for it; certificates of hosts are not supported)`;
  const alias = end.hostKeyAlias === undefined ? '' : ` with ${name} in place of the name`;
  return refusal(
    hop,
    'host key',
    `has a key that ${end.knownHosts.join(' and ')} does not list: ${shown}${also}`,
    `To accept it, ${compare}, then \`${scan} >> ${file}\`${alias}.`,
  );
}

export function login(hop: Hop, { tried, hindrances }: Login, said: string): ConnectError {
  const { end } = hop;
  const keys = tried.length === 0 ? 'with no key at all' : `with ${tried.join(', ')}`;
  const add = `See that ~${end.user}/.ssh/authorized_keys there has the key (\`ssh-copy-id\`), and that ssh.user and ssh.identity_file are right.`;
  return refusal(hop, 'login', `refused ${end.user} ${keys}: ${said}`, [...hindrances, add].join(' '));
}

/** A script that did not begin: the login shell did something else with the command line. */
export function neverBegan(host: string, name: string, how: string, said: string): ConnectError {
  const words = said.trim();
  return new ConnectError(
    host,
    'configuration',
    `${host} did not run ${name}: the login ${how} before it began${words === '' ? ', and said nothing' : `, and said: ${words.slice(-500)}`}`,
    "See that the user's login shell there is a POSIX shell (bash, dash, zsh), and that neither a ForceCommand nor a command= in authorized_keys stands in the way.",
  );
}

export const noSession = (host: string, said: string): ConnectError =>
  new ConnectError(
    host,
    'configuration',
    `${host} opens no session for a command: ${said}`,
    'See MaxSessions in its sshd_config.',
  );

export const linkLost = (host: string, reason: string): ConnectError =>
  new ConnectError(
    host,
    'unreachable',
    `the link to ${host} went before the command was sent: ${reason}`,
    'Run it again.',
  );

export const unreadable = (host: string, file: string, error: unknown): ConnectError =>
  new ConnectError(
    host,
    'configuration',
    `${file} can't be read: ${error instanceof Error ? error.message : String(error)}`,
    'Let this user read it, or name another file as ssh.known_hosts.',
  );

function refusal(hop: Hop, reason: ConnectError['reason'], what: string, remedy: string): ConnectError {
  return new ConnectError(hop.host, reason, `${place(hop)} ${what}`, remedy);
}

const where = ({ file, line }: { file: string; line: number }): string => `${file}:${line}`;

const sshLine = ({ user, address, port }: SshEnd): string =>
  `ssh${port === 22 ? '' : ` -p ${port}`} ${user}@${address}`;
