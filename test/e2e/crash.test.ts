import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { commits } from '../../bench/commits.ts';
import type { Load } from '../fleet/load/load.ts';
import { lapse, takeOver, wholeOn } from './aftermath.ts';
import { ASIDE, countCalls, formatMoment, MOMENTS, ROLL, type Moment } from './calls.ts';
import { assertNothingLost, setScene, type Scene } from './scene.ts';

const ALL = Boolean(process.env['ORCHESTRATE_TEST_ALL']);

/** What each run of the tests looks at: a restart, and a flip that the next batch stands on. */
const SAMPLE: readonly Moment[] = [
  { when: 'within', script: 'switch', number: 1 },
  { when: 'after', script: 'flip', number: 3 },
];

/** With two slots a host: a start beside what serves, flips that reach one balancer or both, and what becomes of what served before. */
const SLOTS: readonly Moment[] = [
  { when: 'within', script: 'switch', number: 1 },
  { when: 'after', script: 'switch', number: 2 },
  { when: 'before', script: 'flip', number: 1 },
  { when: 'within', script: 'flip', number: 1 },
  { when: 'after', script: 'flip', number: 1 },
  { when: 'after', script: 'flip', number: 2 },
  { when: 'after', script: 'flip', number: 3 },
  { when: 'after', script: 'flip', number: 4 },
  { when: 'before', script: 'linger', number: 1 },
  { when: 'within', script: 'linger', number: 1 },
  { when: 'after', script: 'linger', number: 2 },
];

const one = { name: 'e-crash', slots: 'one slot', two: [], moments: ALL ? MOMENTS : SAMPLE };
const two = { name: 'e-crash-slots', slots: 'two slots', two: ['web1', 'web2'], moments: SLOTS };

for (const matrix of ALL ? [one, two] : [one])
  describe(`an operator that is killed in the middle of a roll, ${matrix.slots} a host`, () => {
    let scene: Scene;
    let load: Load;
    let refs: ReturnType<typeof commits>;
    let serves: string;
    let cases = 0;
    before(async () => {
      scene = await setScene({ name: matrix.name, balancers: 2, backends: 2, two: matrix.two }, 'v2');
      refs = commits(scene.project);
      serves = await wholeOn(scene);
      load = await scene.load();
    });
    after(async () => {
      await load?.stop();
      await scene.end();
    });

    for (const [index, moment] of matrix.moments.entries()) {
      const end = index % 2 === 0 ? 'resume' : 'rollback';
      test(`${moment.when} ${moment.script} ${moment.number}: another machine’s ${end} leaves one version`, async () => {
        const { ref } = (await refs.next()).value;
        const roll = ['roll', '--ref', ref, '--yes'];
        const met = { at: formatMoment(moment), deed: 'kill' };
        const dead = await (await scene.elsewhere(roll, met)).ended;
        assert.equal(
          dead.signal,
          'SIGKILL',
          `it was to be killed, and ended with ${dead.code}\n${dead.stdout}${dead.stderr}`,
        );
        await lapse(scene.fleet);
        const { unfinished } = await scene.status();
        // What had changed nothing that lasts, or all that it wanted, is not unfinished.
        const ways = {
          resume: unfinished === null ? ['roll', '--ref', ref] : ['resume'],
          rollback: unfinished === null ? ['rollback', serves] : ['rollback'],
        };
        const ran = await takeOver(scene, ...ways[end]);
        assert.equal(ran.code, 0, `${ways[end].join(' ')}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`);
        const now = await wholeOn(scene);
        if (end === 'rollback') assert.equal(now, serves);
        else assert.notEqual(now, serves);
        serves = now;
        assert.deepEqual(load.live?.failed, 0, load.live?.lastFailure ?? '');
        cases += 1;
      });
    }

    test('not a request is lost in all of it, and each order is there once', async (t) => {
      const report = await scene.report(load);
      t.diagnostic(
        `${cases} cases; ${report.sent} requests, ${report.failed.length} failed, ${report.doubled} doubled`,
      );
      assertNothingLost(report);
    });

    test('the moments are all that a roll has', { skip: !ALL || matrix !== one }, async () => {
      const { ref } = (await refs.next()).value;
      const log = join(scene.fleet.state, 'calls');
      const ran = await (await scene.elsewhere(['roll', '--ref', ref, '--yes'], { log })).ended;
      assert.equal(ran.code, 0, ran.stdout + ran.stderr);
      const counted = [...(await countCalls(log))].filter(([script]) => !ASIDE.includes(script));
      assert.deepEqual(
        Object.fromEntries(counted),
        Object.fromEntries(ROLL.map(({ script, on }) => [script, on.length])),
      );
    });
  });
