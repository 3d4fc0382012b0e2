import type { Fleet } from '../test/fleet/fleet.ts';
import { DEPLOY } from '../test/fleet/hosts/base.ts';
import { measured } from './measured.ts';
import { median } from './table.ts';

/** Seconds, medians. */
export interface Quick {
  /** `orchestrate --help`. */
  readonly help: number;
  /** `orchestrate status`: facts of every host, health of every backend. */
  readonly status: number;
  /** `ssh HOST true` to the same hosts, as many at once. */
  readonly ssh: number;
}

/** Hosts that are connected to at once: the inventory's default. */
const AT_ONCE = 20;

/** Times what should be quick, in turn. `program` is orchestrate with its inventory. */
export async function quick(
  fleet: Fleet,
  program: readonly string[],
  env: NodeJS.ProcessEnv,
  times: number,
): Promise<Quick> {
  const options = [
    '-F',
    'none',
    '-o',
    `UserKnownHostsFile=${fleet.knownHosts}`,
    '-o',
    'BatchMode=yes',
    '-i',
    fleet.key,
    '-l',
    DEPLOY.name,
  ];
  const ssh = [
    '/bin/sh',
    '-c',
    'n=$1; shift; hosts=$1; shift; printf "%s\\n" $hosts | xargs -P "$n" -I HOST "$@" HOST true',
    'sh',
    String(AT_ONCE),
  ];
  const hosts = fleet.hosts.map(({ address }) => address).join(' ');
  const took: Record<keyof Quick, number[]> = { help: [], status: [], ssh: [] };
  const time = async (what: keyof Quick, command: readonly string[], codes: readonly number[]): Promise<void> => {
    const ran = await measured(command, env);
    if (!codes.includes(ran.code)) throw new Error(`${command.join(' ')}: exit ${ran.code}\n${ran.stderr}`);
    took[what].push(ran.wall);
  };
  for (let round = 0; round < times; round += 1) {
    await time('help', [...program.slice(0, 2), '--help'], [0]);
    // With --who nobody may have rolled that site.
    await time('status', [...program, 'status'], [0, 4]);
    await time('ssh', [...ssh, hosts, '/usr/bin/ssh', ...options], [0]);
  }
  return { help: median(took.help), status: median(took.status), ssh: median(took.ssh) };
}
