import { globSync, readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import type { Host, HostSsh } from '../core/inventory.ts';
import { ConnectError } from './ports.ts';
import { optionsFor } from './ssh-options.ts';
import type { SshOptions } from './ssh-options.ts';

/** What the look-up needs of this machine: the real one is `thisMachine()`, tests hand in a map of files. */
export interface SshEnvironment {
  readonly home: string;
  /** The operating system's user: the default for `User`. */
  readonly user: string;
  /** undefined: no such file. Throws where it is there and can't be read. */
  readonly readFile: (path: string) => string | undefined;
  /** For `Include` with wildcards; absent: an Include with a wildcard finds nothing. */
  readonly glob?: (pattern: string) => readonly string[];
}

/** One end of an ssh connection, nothing left to look up: paths absolute, defaults filled in. */
export interface SshEnd {
  /** Where TCP goes to. */
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Private keys to try, in order; empty: the agent, then OpenSSH's usual files. */
  readonly identityFiles: readonly string[];
  /** Only the files above, not the agent's other keys. */
  readonly identitiesOnly: boolean;
  /** Files in known_hosts' format; a host key that none of them lists is refused. Some may not exist. */
  readonly knownHosts: readonly string[];
  /** The name to look for in them instead of the address. */
  readonly hostKeyAlias?: string;
}

export interface ResolvedSsh extends SshEnd {
  /** The hosts to pass through, the nearest to this machine first; absent: straight. */
  readonly jump?: readonly SshEnd[];
}

/**
 * Where and as whom to reach a host: the inventory's own keys first, then ~/.ssh/config (unless `config: false`), then OpenSSH's defaults.
 * The file is asked about the address, as `ssh ADDRESS` would: a `Host web1` in it may well be another fleet's web1.
 * Throws `ConnectError` with reason `configuration` for what can't be honoured (a ProxyCommand, a file that can't be read, a jump that loops).
 */
export function resolveSsh(host: Host, environment: SshEnvironment): ResolvedSsh {
  const { ssh, address } = host;
  const wrong: Wrong = (message, remedy) => new ConnectError(host.name, 'configuration', message, remedy);
  const lookUp: LookUp = (name, user) => {
    if (ssh.config === false) return NOTHING;
    // Only the usual file may be missing.
    const must = ssh.config !== `${environment.home}/.ssh/config`;
    try {
      return optionsFor(ssh.config, must, { host: name, user }, environment);
    } catch (error) {
      throw wrong(
        error instanceof Error ? error.message : String(error),
        'Mend that file, or set ssh.config to another or to false.',
      );
    }
  };
  const context: Context = { ssh, environment, lookUp, wrong };
  const options = lookUp(address, ssh.user);
  const end = {
    ...endOf({ host: address, user: ssh.user, port: ssh.port }, options, {}, context),
    ...(ssh.identity_file === undefined ? {} : { identityFiles: [ssh.identity_file] }),
  };
  const hops = jumpsTo(address, ssh.jump, options, context, 0);
  return hops.length === 0 ? end : { ...end, jump: hops };
}

type Wrong = (message: string, remedy: string) => ConnectError;
type LookUp = (name: string, user: string | undefined) => SshOptions;

interface Context {
  readonly ssh: HostSsh;
  readonly environment: SshEnvironment;
  readonly lookUp: LookUp;
  readonly wrong: Wrong;
}

/** Whom `[user@]host[:port]` names. */
interface Target {
  readonly host: string;
  readonly user: string | undefined;
  readonly port: number | undefined;
}

const NOTHING: SshOptions = { one: () => undefined, all: () => [] };

/** What is taken where neither the target nor the configuration file says anything. */
interface Fallback {
  readonly user?: string;
  readonly identity_file?: string;
}

function endOf(target: Target, options: SshOptions, fallback: Fallback, context: Context): SshEnd {
  const { environment, ssh, wrong } = context;
  const port = target.port ?? Number(options.one('port') ?? 22);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw wrong(
      `${options.one('port') ?? port} is no port for ${target.host}`,
      'Mend it where the jump or the ssh configuration says it.',
    );
  const user = target.user ?? options.one('user') ?? fallback.user ?? environment.user;
  const address = (options.one('hostname') ?? target.host).replaceAll(/%([%h])/g, (_, token) =>
    token === 'h' ? target.host : '%',
  );
  const tokens: Record<string, string> = {
    '%': '%',
    d: environment.home,
    h: address,
    n: target.host,
    p: String(port),
    r: user,
    u: environment.user,
  };
  const path = (written: string): string => {
    const tilde = written.startsWith('~/') ? `${environment.home}${written.slice(1)}` : written;
    return tilde.replaceAll(/%(.)|\$\{(\w+)\}/g, (whole, token: string | undefined, variable: string | undefined) => {
      const value = variable === 'HOME' ? environment.home : token === undefined ? undefined : tokens[token];
      if (value === undefined)
        throw wrong(`${whole} in ${written} is not understood`, 'Write the path out in the ssh configuration.');
      return value;
    });
  };
  const paths = (name: string): string[] =>
    options
      .all(name)
      .filter((file) => file.toLowerCase() !== 'none')
      .map(path);
  const own = paths('identityfile');
  const alias = options.one('hostkeyalias');
  return {
    address,
    port,
    user,
    identityFiles: own.length > 0 || fallback.identity_file === undefined ? own : [fallback.identity_file],
    identitiesOnly: options.one('identitiesonly')?.toLowerCase() === 'yes',
    knownHosts: knownHosts(ssh.known_hosts, options, paths, environment),
    ...(alias === undefined ? {} : { hostKeyAlias: alias }),
  };
}

/** The inventory's file alone, where it names one of its own; its default must not hide what the configuration file names. */
function knownHosts(
  inventorys: string,
  options: SshOptions,
  paths: (name: string) => string[],
  { home }: SshEnvironment,
): string[] {
  if (inventorys !== `${home}/.ssh/known_hosts`) return [inventorys];
  const said = (name: string, usual: readonly string[]): readonly string[] =>
    options.one(name) === undefined ? usual : paths(name);
  return [
    ...said('userknownhostsfile', [inventorys, `${inventorys}2`]),
    ...said('globalknownhostsfile', ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2']),
  ];
}

const MOST_JUMPS = 8;

/** The hosts before `name`, the nearest to this machine first. `written`: what the inventory says, which wins. */
function jumpsTo(
  name: string,
  written: string | undefined,
  options: SshOptions,
  context: Context,
  depth: number,
): SshEnd[] {
  const { wrong, lookUp, ssh } = context;
  const command = options.one('proxycommand');
  const spec = written ?? options.one('proxyjump');
  if (written === undefined && spec === undefined && command !== undefined && command.toLowerCase() !== 'none')
    throw wrong(
      `the ssh configuration has a ProxyCommand for ${name}, and only ProxyJump is supported`,
      `Write ProxyJump there, or jump in the inventory (none: straight).`,
    );
  if (spec === undefined || spec.toLowerCase() === 'none') return [];
  if (depth >= MOST_JUMPS)
    throw wrong(`the jumps to ${name} lead in a circle`, 'Mend ProxyJump in the ssh configuration.');
  const ends: SshEnd[] = [];
  for (const [index, hop] of spec.split(',').entries()) {
    const target = targetOf(hop.trim());
    if (target === undefined) throw wrong(`${hop} is no host to jump through`, 'Write [user@]host[:port].');
    // A jump host is reached straight, though `Host *` or the ssh section name it for all: OpenSSH does the same.
    if (target.host === name) return ends;
    const found = lookUp(target.host, target.user);
    if (index === 0) ends.push(...jumpsTo(target.host, undefined, found, context, depth + 1));
    // Behind the inventory's own jump, its user and key are the last resort; what ~/.ssh/config says is taken as ssh takes it.
    const fallback = written === undefined ? {} : fallbackOf(ssh);
    ends.push(endOf(target, found, fallback, context));
  }
  return ends;
}

const fallbackOf = ({ user, identity_file }: HostSsh): Fallback => ({
  ...(user === undefined ? {} : { user }),
  ...(identity_file === undefined ? {} : { identity_file }),
});

function targetOf(hop: string): Target | undefined {
  const [, user, v6, name, port] =
    /^(?:ssh:\/\/)?(?:([^@\s/]+)@)?(?:\[([0-9A-Fa-f:.]+)\]|([^@:[\]\s/-][^@:[\]\s/]*))(?::(\d{1,5}))?$/.exec(hop) ?? [];
  const host = v6 ?? name;
  return host === undefined ? undefined : { host, user, port: port === undefined ? undefined : Number(port) };
}

/** The environment of the user who runs this program. */
export function thisMachine(): SshEnvironment {
  return {
    home: homedir(),
    user: userInfo().username,
    readFile: (path) => {
      try {
        return readFileSync(path, 'utf8');
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
        throw error;
      }
    },
    glob: (pattern) => globSync(pattern),
  };
}
