import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Backend, Inventory } from '../../src/core/inventory.ts';
import {
  applicationLogs,
  pidFile,
  slotFile,
  supervisorConfiguration,
  systemdUnit,
  tmpfilesLine,
  WRAPPER,
} from '../../src/core/service.ts';
import { world } from './routing/world.ts';

const template = (name: string): string => readFileSync(new URL(`../../templates/${name}`, import.meta.url), 'utf8');
const supervisor = template('supervisor.conf.hbs');
const systemd = template('gunicorn@.service.hbs');
const COMMAND = 'gunicorn shop.wsgi --workers 2 --bind 0.0.0.0:$PORT --pid $PID_FILE';

interface Service {
  readonly manager?: string;
  readonly wrapper?: boolean;
  readonly command?: string;
}

function shop(service: Service = {}, slots = [8000]): { inventory: Inventory; backend: Backend } {
  const inventory: Inventory = {
    ...world(['web1'], { backend: { slots } }),
    release: {
      root: '/srv/www/shop',
      code: 'repository',
      virtualenv: 'virtualenv',
      shared: {},
      env_file: 'env',
      keep: 5,
    },
    service: {
      manager: 'supervisor',
      wrapper: true,
      command: COMMAND,
      slots,
      linger: 600_000,
      start_concurrency: 20,
      name: 'shop',
      pid_file: '/run/shop/gunicorn.pid',
      restart: null,
      ...service,
    } as Inventory['service'],
  };
  const [backend] = inventory.backends;
  assert.ok(backend);
  return { inventory, backend };
}

const commandLine = (command: string, port = '8000'): string[] => [
  WRAPPER,
  '/srv/www/shop',
  'repository',
  'virtualenv',
  '/srv/www/shop/shared/env',
  '/run/shop',
  port,
  command,
];

/** What Supervisor itself reads in a configuration: the words of each program's command line. */
function readBySupervisor(texts: readonly string[]): string[][][] {
  const program = `
import io, json, shlex, sys
from supervisor.options import UnhosedConfigParser, expand
answers = []
for text in json.load(sys.stdin):
    parser = UnhosedConfigParser()
    parser.expansions = {}
    parser.read_string(text)
    answers.append([shlex.split(expand(parser.saneget(section, 'command', do_expand=False), {}, 'command')) for section in parser.sections()])
json.dump(answers, sys.stdout)
`;
  return JSON.parse(
    execFileSync('/usr/bin/python3', ['-c', program], {
      input: JSON.stringify(texts),
      encoding: 'utf8',
      stdio: 'pipe',
    }),
  );
}

test('supervisor is given one program a slot, by the user that ssh logs in as', () => {
  const { inventory, backend } = shop({}, [8000, 8001]);
  const text = supervisorConfiguration(inventory, backend, supervisor, 'deploy');
  assert.deepEqual(text.match(/^\[program:.*\]$/gm), ['[program:shop]', '[program:shop-8001]']);
  assert.deepEqual(readBySupervisor([text])[0], [commandLine(COMMAND), commandLine(COMMAND, '8001')]);
  assert.deepEqual(text.match(/^user=.*$/gm), ['user=deploy', 'user=deploy']);
  assert.match(text, /^startsecs=0$/m);
  assert.deepEqual(
    text.match(/^stdout_logfile=.*$/gm),
    [8000, 8001].map((port) => `stdout_logfile=/var/log/supervisor/shop-${port}.log`),
  );
  assert.throws(() => supervisorConfiguration(inventory, backend, supervisor), /set ssh\.user/);
});

test('whatever the command holds, Supervisor reads it as it was written', () => {
  const nasty = [
    'a "b c" \'d\'',
    'gunicorn ; rm',
    'x #y',
    "it's %(here)s 100%",
    'a\t;b',
    '\\ \\" $PORT `id`',
    '"',
    "';#'",
    '%',
    ' ;#; ',
  ];
  const random = fc.sample(
    fc.string({
      unit: fc.constantFrom(...'a b \t ; # % \' " \\ $ ` = ( ) [ ] é'.split(' '), ' '),
      minLength: 1,
      maxLength: 20,
    }),
    { numRuns: 300, seed: 7 },
  );
  // Supervisor has no word for what is a blank alone.
  const commands = [...nasty, ...random].filter((command) => command.trim() === command);
  const texts = commands.map((command) => {
    const { inventory, backend } = shop({ command });
    return supervisorConfiguration(inventory, backend, supervisor, 'deploy');
  });
  assert.deepEqual(
    readBySupervisor(texts).map(([words]) => words?.at(-1)),
    commands,
  );
  const { inventory, backend } = shop({ command: 'a\nuser=root' });
  assert.throws(() => supervisorConfiguration(inventory, backend, supervisor, 'deploy'), /line break/);
  assert.throws(() => systemdUnit(inventory, backend, systemd, 'deploy'), /line break/);
});

test('the systemd unit expands nothing but the port', () => {
  const { inventory, backend } = shop({ manager: 'systemd', command: `gunicorn 'a b' "c" $PORT 5% \\d` }, [8000, 8001]);
  const text = systemdUnit(inventory, backend, systemd, 'deploy');
  assert.match(
    text,
    /^ExecStart=\S+ \S+ repository virtualenv \S+ \/run\/shop %i "gunicorn 'a b' \\"c\\" \$\$PORT 5%% \\\\d"$/m,
  );
  assert.match(text, /enable --now shop@8000 shop@8001$/m);
});

test('names of files follow the manager', () => {
  const logs = (service: Service): string[] => applicationLogs(shop(service).inventory, 8000);
  assert.deepEqual(logs({}), ['/var/log/supervisor/shop-8000.log']);
  assert.deepEqual(logs({ manager: 'systemd' }), ['journal:shop@8000.service']);
  assert.deepEqual(logs({ manager: 'systemd', wrapper: false }), ['journal:shop.service']);
  assert.equal(logs({ command: 'gunicorn x --error-logfile /var/log/e.log' })[0], '/var/log/e.log');
  assert.equal(logs({ command: 'gunicorn x --error-logfile=-' })[0], '/var/log/supervisor/shop-8000.log');
  assert.ok(logs({ wrapper: false }).includes('/var/log/supervisor/shop-*'));
  assert.deepEqual(
    [pidFile(shop().inventory, 8000), slotFile(shop().inventory, 8000)],
    ['/run/shop/8000.pid', '/run/shop/8000.slot'],
  );
  const own = shop({ wrapper: false }).inventory;
  assert.deepEqual([pidFile(own, 8000), slotFile(own, 8000)], ['/run/shop/gunicorn.pid', null]);
  const { inventory, backend } = shop();
  assert.match(
    tmpfilesLine(inventory, backend, template('tmpfiles.conf.hbs'), 'deploy'),
    /^d \/run\/shop 0755 deploy - -$/m,
  );
});
