import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { commits } from '../../bench/commits.ts';
import type { Report } from '../fleet/load/report.ts';
import { takeOver, wholeOn } from './aftermath.ts';
import { formatMoment, hostOf, ROLL, type Moment } from './calls.ts';
import { ofDeath } from './losses.ts';
import { meet } from './met.ts';
import type { Ran } from './operator.ts';
import { assertNothingLost, pause, setScene, type Scene } from './scene.ts';

const ALL = Boolean(process.env['ORCHESTRATE_TEST_ALL']);

interface Fault {
  readonly name: string;
  readonly at: Moment;
  /** What must be so before the roll begins. */
  readonly prepare?: (host: string) => Promise<unknown>;
  readonly strike: (host: string) => Promise<unknown>;
  /** Puts it right again; nothing to put right where it is absent. */
  readonly mend?: (host: string) => Promise<unknown>;
  /** Milliseconds after which it is mended; else when the roll has ended. */
  readonly mendedAfter?: number;
  /** Whom the fault strikes, where it is not who is called. */
  readonly host?: string;
  /** Requests that are on their way to what dies are lost: so many at the most. Absent: none is lost. */
  readonly loses?: number;
  /** What the roll must end with, where it is sure. */
  readonly exit?: number;
  /** What it must say. */
  readonly says?: RegExp;
}

describe('a fault in the middle of a roll', () => {
  let scene: Scene;
  let refs: ReturnType<typeof commits>;
  let serves: string;
  let ref: string;
  let cases = 0;
  before(async () => {
    scene = await setScene({ name: 'e-fault', balancers: 2, backends: 2 }, 'v2');
    await scene.configure({ ssh: { ...SSH, user: 'deploy', ...credentials() } });
    refs = commits(scene.project);
    serves = await wholeOn(scene);
  });
  after(async () => {
    console.log(`${cases} faults`);
    await scene.end();
  });

  const credentials = () => ({
    identity_file: scene.fleet.key,
    known_hosts: scene.fleet.knownHosts,
    config: false,
  });
  const on = (script: string) => (host: string) => scene.fleet.sh(host, script);

  /** A roll that a fault strikes: whatever it ends with, what is in rotation is on one version, and the next command makes all whole. */
  async function strikes(t: TestContext, fault: Fault): Promise<void> {
    const host = fault.host ?? hostOf(fault.at);
    await fault.prepare?.(host);
    ref = (await refs.next()).value.ref;
    // Users of a balancer that can't be reached go to the other one: its name has two addresses.
    const targets = scene.fleet.targets.filter((_, index) => scene.fleet.balancers[index]?.name !== host);
    let at = 0;
    const { report, result } = await scene.underLoad(
      async () => {
        const roll = await meet(scene, formatMoment(fault.at), 'roll', '--ref', ref, '--yes', '--json');
        at = Date.now();
        await fault.strike(host);
        await roll.go();
        if (fault.mendedAfter !== undefined) {
          await pause(fault.mendedAfter);
          await fault.mend?.(host);
        }
        return roll.ended;
      },
      { targets },
    );
    await oneVersion(result);
    if (fault.mendedAfter === undefined) await fault.mend?.(host);
    t.diagnostic(
      `exit ${result.code}; ${report.sent} requests, ${report.failed.length} failed ${JSON.stringify(report.byKind)}`,
    );
    if (fault.loses === undefined) assertNothingLost(report);
    else assertOfDeath(report, at, fault.loses);
    if (fault.exit !== undefined) assert.equal(result.code, fault.exit, said(result));
    if (fault.says !== undefined) assert.match(said(result), fault.says);
    serves = await brought();
    cases += 1;
  }

  /** Told host by host: who can be looked at and is in rotation is on one version, unless it is said that the fleet is unfinished. */
  async function oneVersion(ran: Ran): Promise<void> {
    assert.ok([0, 1, 3, 4].includes(ran.code), `exit ${ran.code}\n${said(ran)}`);
    const { backends } = await scene.status();
    const serving = new Set(
      backends.flatMap(({ rotation, running }) => (rotation === 'in' && running !== null ? [running] : [])),
    );
    if (ran.code !== 4) assert.equal(serving.size, 1, said(ran));
  }

  /** The fault is over: another operator brings the fleet to the release, and every host back. */
  async function brought(): Promise<string> {
    // A balancer that has been off can't tell how old a lease is: it counts whole from the boot on.
    const ran = await takeOver(scene, 'roll', '--ref', ref, '--wait', '60s');
    assert.equal(ran.code, 0, said(ran));
    const out = (await scene.status()).backends.flatMap(({ name, rotation }) => (rotation === 'out' ? [name] : []));
    if (out.length > 0) assert.equal((await takeOver(scene, 'enable', ...out)).code, 0);
    const now = await wholeOn(scene);
    assert.notEqual(now, serves);
    return now;
  }

  const cut = {
    strike: (host: string) => scene.fleet.cut(host),
    mend: async (host: string) => {
      await scene.fleet.heal(host);
      await pause(1500);
    },
  };
  const power = {
    strike: (host: string) => scene.fleet.powerCut(host),
    mend: (host: string) => scene.fleet.powerOn(host),
  };
  /** A small disk, which fills up at once. */
  const disk = (folder: string) => ({
    prepare: on(
      `mkdir -p /mnt/real && mount --bind ${folder} /mnt/real && mount -t tmpfs -o size=200m,mode=755 tmpfs ${folder} && chown deploy: ${folder} && cp -a /mnt/real/. ${folder}/`,
    ),
    strike: on(`dd if=/dev/zero of=${folder}/filler bs=4k 2>/dev/null || :`),
    mend: on(
      `rm -f ${folder}/filler && find /mnt/real -mindepth 1 -delete && cp -a ${folder}/. /mnt/real/ && umount -l ${folder} && umount /mnt/real`,
    ),
  });
  /** The ssh user's `date` tells another time from now on. */
  const clock = (by: string) => ({
    strike: on(
      `printf '#!/bin/sh\\nexec /usr/bin/date -d "${by}" "$@"\\n' >/usr/local/bin/date && chmod 755 /usr/local/bin/date`,
    ),
    mend: on('rm -f /usr/local/bin/date'),
  });

  const sample: readonly Fault[] = [
    {
      name: 'its link is cut and heals',
      at: { when: 'within', script: 'switch', number: 1 },
      ...cut,
      mendedAfter: 4000,
    },
    {
      name: 'its clock jumps by an hour',
      at: { when: 'before', script: 'flip', number: 3 },
      host: 'web2',
      ...clock('+1 hour'),
      exit: 0,
    },
  ];

  /** The link of whoever is called, at every call: healed after 10 s, or never while the roll lasts. */
  const cuts = ROLL.flatMap(({ script, on: hosts, changes }) =>
    hosts.map((host, index): Fault => {
      const healed = index % 2 === 0;
      return {
        name: `its link is cut${healed ? ' and heals after 10 s' : ''}`,
        at: { when: changes ? 'within' : 'before', script, number: index + 1 },
        ...cut,
        ...(healed ? { mendedAfter: 10_000 } : {}),
        ...(host.startsWith('web') ? { loses: 12 } : {}),
      };
    }),
  );

  const others: readonly Fault[] = [
    {
      name: 'its Gunicorn is killed',
      // While all are in rotation: of two, one that dies while the other is out leaves nobody.
      at: { when: 'before', script: 'virtualenv', number: 1 },
      host: 'web2',
      strike: on('kill -s KILL "$(cat /run/shop/8000.pid)"'),
      loses: 40,
    },
    {
      name: 'its wrapper is killed',
      at: { when: 'before', script: 'switch', number: 1 },
      strike: on('kill -s KILL "$(cat /run/shop/8000.slot)"'),
    },
    {
      name: 'its new Gunicorn is killed',
      at: { when: 'after', script: 'switch', number: 1 },
      strike: on('kill -s KILL "$(cat /run/shop/8000.pid)"'),
    },
    {
      name: 'a worker of its Nginx is killed',
      at: { when: 'before', script: 'flip', number: 3 },
      strike: on('kill -s KILL "$(pgrep -P "$(cat /run/nginx.pid)" | head -n 1)"'),
      loses: 80,
    },
    ...(['unpack 1', 'prepare 1', 'drained 1', 'switch 1', 'prepare 3', 'switch 2', 'flip 6'] as const).map(
      (call): Fault => {
        const [script = '', number] = call.split(' ');
        return {
          name: 'its power fails',
          at: { when: 'within', script, number: Number(number) },
          ...power,
          ...(hostOf({ when: 'within', script, number: Number(number) }).startsWith('web') ? { loses: 12 } : {}),
        };
      },
    ),
    {
      name: 'its power fails, and comes back',
      at: { when: 'within', script: 'switch', number: 2 },
      ...power,
      mendedAfter: 5000,
    },
    {
      name: 'its disk is full',
      at: { when: 'before', script: 'receive-source', number: 1 },
      ...disk('/srv/www/shop'),
      says: /No space left|free/,
    },
    { name: 'its disk is full', at: { when: 'before', script: 'unpack', number: 1 }, ...disk('/srv/www/shop') },
    { name: 'its disk is full', at: { when: 'before', script: 'switch', number: 1 }, ...disk('/srv/www/shop') },
    {
      name: 'its disk is full',
      at: { when: 'before', script: 'publish-static', number: 1 },
      ...disk('/srv/www/shop-static'),
    },
    {
      name: 'its disk is full',
      at: { when: 'before', script: 'prepare', number: 4 },
      ...disk('/var/lib/orchestrate/shop'),
    },
    {
      name: 'its clock jumps back by an hour',
      at: { when: 'before', script: 'flip', number: 2 },
      ...clock('-1 hour'),
      exit: 0,
    },
    {
      name: 'its link is cut and heals while what was begun runs on for 40 s: nothing is done there before that has ended',
      at: { when: 'within', script: 'switch', number: 1 },
      prepare: on(
        `printf '#!/bin/sh\\nif rm /run/slow 2>/dev/null; then sleep 40; fi\\nexec /usr/bin/sync "$@"\\n' >/usr/local/bin/sync && chmod 755 /usr/local/bin/sync && touch /run/slow && chmod 777 /run`,
      ),
      strike: cut.strike,
      mend: async (host) => {
        await cut.mend(host);
        await on('rm -f /usr/local/bin/sync; chmod 755 /run')(host);
      },
      mendedAfter: 10_000,
    },
  ];

  for (const fault of ALL ? [...sample, ...others, ...cuts] : sample) {
    const { when, script, number } = fault.at;
    test(`${fault.host ?? hostOf(fault.at)}, ${when} ${script} ${number}: ${fault.name}`, (t) => strikes(t, fault));
  }
});

const SSH = { keepalive: '1s', connect_timeout: '5s' };

const said = ({ stdout, stderr }: Ran): string => `${stdout}${stderr}`;

/** Lost is only what was on its way to what died, and no more than that can be. */
function assertOfDeath(report: Report, at: number, most: number): void {
  assert.deepEqual(
    report.failed.filter((failure) => !ofDeath(failure, report, [at])),
    [],
  );
  assert.ok(report.failed.length <= most, `${report.failed.length} lost: ${JSON.stringify(report.byKind)}`);
}
