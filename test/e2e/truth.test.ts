import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { change, type Change } from '../../src/change.ts';
import { parseRecord } from '../../src/core/record.ts';
import { releaseName } from '../../src/core/release.ts';
import { open, type Opened } from '../../src/open.ts';
import { rollbackChange } from '../../src/verbs/rollback.ts';
import { rollChange } from '../../src/verbs/roll.ts';
import { SimFleet } from '../sim/fleet.ts';
import { Operator } from '../sim/operator.ts';
import { setScene, type Scene } from './scene.ts';

const ALL = Boolean(process.env['ORCHESTRATE_TEST_ALL']);

/** What only reads or waits is told by nothing afterwards, and leases are renewed when their time comes. */
const CHANGING =
  /^(lease (acquire|release)|fence|receive-source|virtualenv|build|unpack|publish-static|migrate|prepare|flip|move|configuration|reload|switch|prune-releases|prune-static)/;

/** `script code`, host by host: what one host does waits for no other. */
type Told = Readonly<Record<string, readonly string[]>>;

function told(calls: readonly { host: string; script: string; args: readonly string[]; code?: number }[]): Told {
  const found: Record<string, string[]> = {};
  for (const { host, script, args, code } of calls) {
    const name = script === 'lease' ? `lease ${args[0]}` : script;
    if (CHANGING.test(name)) (found[host] ??= []).push(`${name} ${code}`);
  }
  return found;
}

interface Ran {
  readonly exit: number;
  readonly told: Told;
  /** Who runs the release that was rolled, who is in rotation, the generation, and whether something is told to be unfinished. */
  readonly end: unknown;
}

type Make = (opened: Opened) => Promise<Change>;

/** A command on the real hosts, in this process, with its calls written down. */
async function really(scene: Scene, make: Make): Promise<Ran> {
  const calls: { host: string; script: string; args: readonly string[]; code?: number }[] = [];
  const opened = await open(scene.inventoryFile, () => {});
  const { remote } = opened;
  const watched: Opened = {
    ...opened,
    remote: {
      tunnel: (...args) => remote.tunnel(...args),
      disconnect: () => remote.disconnect(),
      close: () => remote.close(),
      run: async (call) => {
        const each: (typeof calls)[number] = { host: call.host, script: call.name.slice(12), args: call.args };
        calls.push(each);
        const outcome = await remote.run(call);
        if (outcome.kind === 'exited') each.code = outcome.code;
        return outcome;
      },
    },
  };
  try {
    const options = { dryRun: false, yes: true, show: () => {}, stop: new AbortController().signal };
    const exit = await change(watched, await make(watched), options);
    const { backends, balancers } = await scene.status();
    const folder = opened.inventory.nginx.folder;
    const records = await Promise.all(
      balancers.map(({ name }) =>
        scene.fleet.sh(name, `cat ${folder}/live/record.json; readlink ${folder}/live/stable`),
      ),
    );
    const running = Object.fromEntries(backends.map(({ name, running: release }) => [name, release]));
    return { exit, told: told(calls), end: endOf(records, running) };
  } finally {
    await opened.close();
  }
}

/** `records`: of each balancer, its record and the group that its link names, a line each. */
function endOf(records: readonly string[], running: Readonly<Record<string, string | null>>): unknown {
  const groups = new Set(Object.values(running));
  return {
    versions: groups.size,
    balancers: records.map((text) => {
      const [json = '', group = ''] = text.split('\n');
      const read = parseRecord(json);
      if ('problem' in read) return read.problem;
      const { generation, backends, intent } = read.record;
      const rotation = Object.entries(backends).map(([name, each]) => [
        name,
        each.rotation,
        each.release === running[name],
      ]);
      return { generation, group: group.replace(/^.*\//, ''), rotation, intent: intent !== null };
    }),
  };
}

/** The same on a simulated fleet of the same inventory. */
async function simulated(fleet: SimFleet, make: Make): Promise<Ran> {
  const from = fleet.calls.length;
  const operator = new Operator(fleet, 'ada').begin(async (opened) => ({ change: await make(opened) }));
  await fleet.time.pass(() => operator.ending !== undefined, 3_600_000);
  assert.deepEqual(fleet.violations, []);
  const { ending } = operator;
  if (ending?.kind !== 'exit') throw new Error(JSON.stringify(ending));
  const records = [...fleet.balancers.values()].map(
    ({ live, generations, lane }) => `${generations.get(live ?? 0)?.record.trim()}\n${lane}`,
  );
  const running = Object.fromEntries(
    [...fleet.backends.keys()].map((name) => [name, fleet.serving(name).process?.release ?? null]),
  );
  return { exit: ending.exit, told: told(fleet.calls.slice(from)), end: endOf(records, running) };
}

for (const [balancers, backends] of ALL
  ? ([
      [1, 2],
      [2, 3],
    ] as const)
  : ([[1, 2]] as const))
  describe(`${balancers} balancers and ${backends} backends, and their simulation`, () => {
    let scene: Scene;
    let fleet: SimFleet;
    before(async () => {
      scene = await setScene({ name: `truth-${balancers}`, balancers, backends }, null);
      await scene.configure({ health: { host: 'shop.example.com', deadline: '4s' } });
      const opened = await open(scene.inventoryFile, () => {});
      fleet = new SimFleet({ fresh: true, backends, balancers, migrates: true }, 1, opened.inventory);
      await opened.close();
      // As on the real ones, whose Nginx was started with the configuration.
      for (const balancer of fleet.balancers.values()) {
        balancer.file = fleet.configuration([]);
        balancer.load();
      }
    });
    after(() => scene.end());

    const alike = (name: string, exit: number, real: Make, sim: Make, spoil?: () => Promise<void>): void => {
      void test(name, async () => {
        await spoil?.();
        const [told_, simulated_] = [await really(scene, real), await simulated(fleet, sim)];
        assert.equal(told_.exit, exit, JSON.stringify(told_));
        assert.deepEqual(simulated_, told_);
      });
    };
    const roll =
      (ref: string): Make =>
      (opened) =>
        rollChange(opened, { ref });

    alike('make the same changes in a first roll', 0, roll('v1'), roll('1'));
    alike('make the same changes in a second one', 0, roll('v2'), roll('2'), () => {
      fleet.pending = true;
      return Promise.resolve();
    });
    alike('go back alike when a release does not start on one host', 1, roll('v3'), roll('3'), async () => {
      // The last backend's Python looks at what it is to run.
      const name = `web${backends}`;
      await scene.fleet.write(
        name,
        '/srv/www/shop/shared/python/sitecustomize.py',
        "import os\ntry:\n    if 'v3' in open('shop/release.py').read(): os._exit(3)\nexcept OSError: pass\n",
      );
      await scene.fleet.sh(
        name,
        'echo PYTHONPATH=/srv/www/shop/shared/python >>/srv/www/shop/shared/env && chmod -R a+rX /srv/www/shop/shared/python',
      );
      fleet.backends.get(name)?.broken.set(releaseName(fleet.now, '3333333'), 'ends');
    });
    const back: Make = (opened) => rollbackChange(opened, undefined, {});
    alike('make the same changes in a rollback', 0, back, back);
  });
