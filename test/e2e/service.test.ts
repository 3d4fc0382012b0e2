import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { commits } from '../../bench/commits.ts';
import type { JobView, ScheduleView } from '../../src/core/api/views.ts';
import { DATABASE } from '../fleet/fleet.ts';
import { until } from '../fleet/hosts/shell.ts';
import { freePort } from '../fleet/sshd.ts';
import { lapse, wholeOn } from './aftermath.ts';
import { assertNothingLost, pause, setScene, type Scene } from './scene.ts';
import { RunningService, withData } from './services.ts';

const ALL = Boolean(process.env['ORCHESTRATE_TEST_ALL']);

describe('a service that rolls while nobody is there', () => {
  let scene: Scene;
  let refs: ReturnType<typeof commits>;
  before(async () => {
    scene = await setScene({ name: 'e-service', balancers: 2, backends: 2 });
    refs = commits(scene.project);
  });
  after(() => scene.end());

  const next = async (): Promise<string> => (await refs.next()).value.ref;
  const ended = (service: RunningService, id: string, within: number): Promise<JobView> => {
    let job: JobView | undefined;
    return until('the job has ended', within, async () => {
      await pause(1000);
      job = (await service.jobs()).find((each) => each.id === id);
      return job !== undefined && !['waiting', 'running', 'watching'].includes(job.state);
    }).then(
      () => job!,
      (error: unknown) => {
        throw new Error(`${JSON.stringify(job)}\n${service.said}`, { cause: error });
      },
    );
  };

  test('does what is typed elsewhere, with the same words and exit codes, and what is scheduled, when it is due', async () => {
    await withData(async (data) => {
      const service = await RunningService.start(scene, data, await freePort());
      try {
        const { report } = await scene.underLoad(async () => {
          const refused = await service.type('roll', '--ref', 'v2');
          assert.deepEqual([refused.code, /nobody to ask/.test(refused.said)], [2, true], refused.said);
          const plan = await service.type('roll', '--ref', 'v2', '--dry-run');
          assert.deepEqual([plan.code, /drain|out of rotation/i.test(plan.out)], [0, true], plan.out + plan.said);
          const roll = await service.type('roll', '--ref', 'v2', '--batch', '1', '--yes');
          assert.equal(roll.code, 0, roll.out + roll.said);
          assert.match(roll.out, /in rotation: 1 of 2/);
          const wrong = await service.type('drain', 'web9', '--yes');
          assert.deepEqual([wrong.code, /web9/.test(wrong.said)], [2, true], wrong.said);
          const status = await service.type('status');
          assert.equal(status.code, 0, status.out + status.said);

          const ref = await next();
          const due = new Date(Date.now() + 3000).toISOString().replace(/\.\d+Z$/, 'Z');
          const made = await service.type('schedule', 'roll', '--ref', ref, '--at', due, '--json');
          assert.equal(made.code, 0, made.said);
          const { number } = JSON.parse(made.out) as ScheduleView;
          const [job] = await service.jobs();
          assert.equal(job?.schedule, number);
          const done = await ended(service, job.id, 90_000);
          assert.deepEqual([done.state, done.exit], ['done', 0], JSON.stringify(done));
          const list = await service.type('schedule', 'list', '--all');
          assert.match(list.out, /ended .*done: Done: /);
        });
        assertNothingLost(report);
        await wholeOn(scene);
        const history = await scene.orchestrate('history');
        assert.match(history.stdout, /admin \(schedule 1\)/);
      } finally {
        await service.end('SIGTERM');
      }
      assert.match(service.said, /Ended\.$/m);
    });
  });

  const url = `postgres://${DATABASE.PGUSER}:${DATABASE.PGPASSWORD}@ADDRESS/${DATABASE.PGDATABASE}`;
  for (const where of ALL
    ? (['in its folder', 'in PostgreSQL, with two services'] as const)
    : (['in its folder'] as const))
    test(`killed in the middle of a roll, what it keeps ${where}: the roll is brought to its end, once`, async (t) => {
      const shared = where !== 'in its folder';
      await withData((data) =>
        withData(async (other) => {
          const database = shared ? { database: url.replace('ADDRESS', scene.fleet.address) } : {};
          const ports = [await freePort(), await freePort()] as const;
          let first = await RunningService.start(scene, data, ports[0], database);
          const token = { token: first.tokenFile };
          let second = shared
            ? await RunningService.start(scene, other, ports[1], { ...database, ...token })
            : undefined;
          try {
            const { report } = await scene.underLoad(async () => {
              for (let kills = 0; kills < (ALL ? 10 : 1); kills += 1) {
                // oxlint-disable no-await-in-loop -- one roll after the other
                const known = (await scene.orchestrate('history', '--json')).stdout;
                const made = await first.type('schedule', 'roll', '--ref', await next(), '--at', 'now', '--json');
                assert.equal(made.code, 0, made.said);
                const [job] = await first.jobs();
                await until(
                  'it rolls',
                  60_000,
                  async () => (await first.jobs()).find(({ id }) => id === job?.id)?.number != null,
                );
                await pause(Math.random() * 6000);
                // Which of two it was that rolls is not known: both are asked to die now and then.
                const victim = second !== undefined && kills % 2 === 1 ? second : first;
                await victim.end('SIGKILL');
                const since = Date.now();
                if (second === undefined) first = await RunningService.start(scene, data, ports[0]);
                // Its term is waited for where there is time.
                if (!ALL) await lapse(scene.fleet);
                const witness = victim === first && second !== undefined ? second : first;
                const done = await ended(witness, job?.id ?? '', 150_000);
                t.diagnostic(`${where}: ${done.words} ${Math.round((Date.now() - since) / 1000)} s after its death`);
                assert.deepEqual([done.state, done.exit], ['done', 0], JSON.stringify(done));
                if (second !== undefined && victim === first)
                  first = await RunningService.start(scene, data, ports[0], { ...database, ...token });
                else if (second !== undefined)
                  second = await RunningService.start(scene, other, ports[1], { ...database, ...token });
                await wholeOn(scene);
                assert.notEqual((await scene.orchestrate('history', '--json')).stdout, known);
                // oxlint-enable no-await-in-loop
              }
            });
            assertNothingLost(report);
          } finally {
            await first.end('SIGKILL');
            await second?.end('SIGKILL');
          }
        }),
      );
    });
});

describe('a canary that a service watches', { skip: !ALL }, () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'e-service-canary', balancers: 2, backends: 2, two: ['web1', 'web2'] });
  });
  after(() => scene.end());

  test('a bad one is sent back, a good one is promoted though its service is started anew in the middle', async (t) => {
    await withData(async (data) => {
      const port = await freePort();
      let service = await RunningService.start(scene, data, port);
      try {
        const [v1] = new Set((await scene.status()).backends.map(({ running }) => running));
        const { report } = await scene.underLoad(
          async () => {
            const bad = await service.type('canary', '20%', '--ref', 'errors-5pct', '--hold', '5m', '--yes');
            assert.equal(bad.code, 1, bad.out + bad.said);
            assert.match(bad.out, /FAIL/);
            assert.deepEqual([...new Set((await scene.status()).backends.map(({ running }) => running))], [v1]);
            const made = await service.type(
              'schedule',
              'roll',
              '--canary',
              '30%',
              '--ref',
              'v2',
              '--at',
              'now',
              '--json',
            );
            assert.equal(made.code, 0, made.said);
            const id = (await service.jobs())[0]?.id ?? '';
            await until('its canary lives', 60_000, async () => {
              await pause(1000);
              return (await service.jobs())[0]?.state === 'watching';
            });
            await service.end('SIGKILL');
            service = await RunningService.start(scene, data, port);
            await pause(20_000);
            assert.equal((await service.jobs()).find((job) => job.id === id)?.state, 'watching');
            const promoted = await service.type('canary', 'promote', '--yes');
            assert.equal(promoted.code, 0, promoted.out + promoted.said);
            await until('the job ends', 60_000, async () => {
              await pause(1000);
              return (await service.jobs()).find((job) => job.id === id)?.state === 'done';
            });
            t.diagnostic(
              JSON.stringify((await service.jobs()).map(({ command, state, words }) => [command, state, words])),
            );
          },
          { users: 300 },
        );
        assert.deepEqual(
          report.failed.filter(({ kind }) => kind !== 'status 500'),
          [],
        );
        const [now] = new Set((await scene.status()).backends.map(({ running }) => running));
        assert.notEqual(now, v1);
      } finally {
        await service.end('SIGKILL');
      }
    });
  });
});
