import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fleet } from '../test/fleet/fleet.ts';
import { DEPLOY } from '../test/fleet/hosts/base.ts';
import { must } from '../test/fleet/hosts/shell.ts';
import type { Project } from '../test/fleet/project/make-project.ts';
import type { Contender } from './contenders.ts';
import { measured } from './measured.ts';
import { secondsOut } from './out.ts';
import { PEER } from './sites.ts';

const HERE = join(import.meta.dirname, 'peers', 'ansible');
const PLAYBOOK = '/usr/bin/ansible-playbook';

export const hasAnsible = (): boolean => existsSync(PLAYBOOK);

/** Rolls the peer's site as the bash script does. `settings` are the peer's variables. */
export function ansible(
  fleet: Fleet,
  project: Project,
  settings: Readonly<Record<string, string | number>>,
): Contender {
  return {
    name: 'ansible',
    site: PEER,
    roll: async (ref) => {
      const folder = await mkdtemp(join(tmpdir(), 'orchestrate-ansible-'));
      const archive = join(folder, 'code.tar.gz');
      const inventory = join(folder, 'hosts.json');
      await writeFile(inventory, JSON.stringify(hosts(fleet, settings, folder)));
      const commit = (await must('git', ['-C', project.folder, 'show', '-s', '--format=%h', ref])).trim();
      // Its connections stay open for a minute by default: here they end with it.
      const script =
        'git -C "$1" archive --format=tar.gz -1 -o "$2" "$3" && ansible-playbook -i "$4" -e "release=$5" -e "archive=$2" "$6"; code=$?; ' +
        'for socket in "$7"/*; do [ ! -S "$socket" ] || ssh -o ControlPath="$socket" -O exit any 2>/dev/null; done; exit $code';
      const ran = await measured(
        [
          '/bin/bash',
          '-c',
          script,
          'bash',
          project.folder,
          archive,
          ref,
          inventory,
          `${stamp()}-${commit}`,
          join(HERE, 'roll.yml'),
          join(folder, 'sockets'),
        ],
        {
          ...process.env,
          ANSIBLE_CONFIG: join(HERE, 'ansible.cfg'),
          ANSIBLE_HOME: folder,
          ANSIBLE_SSH_CONTROL_PATH_DIR: join(folder, 'sockets'),
          SSH_AUTH_SOCK: '',
        },
      );
      if (ran.code !== 0)
        throw new Error(`ansible-playbook: exit ${ran.code}\n${ran.stdout.slice(-4000)}\n${ran.stderr}`);
      const out = secondsOut(await readFile(`${archive}.times`, 'utf8'));
      await rm(folder, { recursive: true, force: true });
      return { measured: ran, out, events: [] };
    },
  };
}

const stamp = (): string => new Date().toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);

function hosts(fleet: Fleet, settings: Readonly<Record<string, string | number>>, folder: string): unknown {
  const group = (list: Fleet['hosts']): unknown => ({
    hosts: Object.fromEntries(list.map(({ name, address }) => [name, { ansible_host: address }])),
  });
  return {
    all: {
      vars: {
        ...settings,
        ansible_user: DEPLOY.name,
        ansible_ssh_private_key_file: fleet.key,
        ansible_ssh_common_args: `-F none -o UserKnownHostsFile=${fleet.knownHosts}`,
        ansible_remote_tmp: `/tmp/.ansible-${folder.slice(-6)}`,
      },
      children: {
        balancers: group(fleet.balancers),
        backends: group(fleet.backends),
        local: { hosts: { localhost: { ansible_connection: 'local' } } },
      },
    },
  };
}
