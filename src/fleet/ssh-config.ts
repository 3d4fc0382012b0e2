import type { Host } from '../core/inventory.ts';

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
 * Throws `ConnectError` with reason `configuration` for what can't be honoured (a ProxyCommand, a file that can't be read, a jump that loops).
 */
export function resolveSsh(host: Host, environment: SshEnvironment): ResolvedSsh {
  return {
    address: host.address,
    port: host.ssh.port ?? 22,
    user: host.ssh.user ?? environment.user,
    identityFiles: host.ssh.identity_file === undefined ? [] : [host.ssh.identity_file],
    identitiesOnly: false,
    knownHosts: [host.ssh.known_hosts],
  };
}
