import assert from 'node:assert/strict';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { JobView, ScheduleView } from '../../src/core/api/views.ts';
import type { Calendar } from '../../src/core/window-calendar.ts';
import { until } from '../fleet/hosts/shell.ts';
import { freePort } from '../fleet/sshd.ts';
import { pause, setScene, type Scene } from './scene.ts';
import { RunningService, withData } from './services.ts';

const MINUTE = 60_000;

/** What a team does in the evening, and reads in the morning; the night lasts a few minutes, by the real clock. */
describe('a canary for the night', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'e-tonight', balancers: 2, backends: 2, two: ['web1', 'web2'] });
  });
  after(() => scene.end());

  test('waits for its window, which opens two minutes later, is judged and promoted with nobody there, and is read afterwards', async (t) => {
    const clock = (at: number): string => new Date(at).toISOString().slice(11, 16);
    await scene.configure({ canary: { hold: '40s', promote: 'auto' } });
    const opens = Math.ceil((Date.now() + 2 * MINUTE) / MINUTE) * MINUTE;
    await appendFile(
      scene.inventoryFile,
      `time_zone: UTC\nwindows:\n  - { days: mon-sun, from: "${clock(opens)}", to: "${clock(opens + 20 * MINUTE)}" }\n`,
    );
    await withData(async (data) => {
      const service = await RunningService.start(scene, data, await freePort());
      try {
        const made = await service.type('token', 'make', 'ada', '--scope', 'operate', '--expires', '12h');
        assert.equal(made.code, 0, made.said);
        const token = join(data, 'ada.token');
        await writeFile(token, made.out, { mode: 0o600 });
        const ada = service.as(token);
        const windows = JSON.parse((await ada.type('windows', '--json')).out) as Calendar;
        assert.deepEqual([windows.open, windows.openings[0]?.from.at], [false, new Date(opens).toISOString()]);
        const early = await ada.type('roll', '--ref', 'v2', '--yes');
        assert.deepEqual([early.code, /the next opening is/i.test(early.said)], [3, true], early.said);

        const { report } = await scene.underLoad(
          async () => {
            const scheduled = await ada.type(
              'schedule',
              'roll',
              '--at',
              'tonight',
              '--canary',
              '30%',
              '--ref',
              'v2',
              '--json',
            );
            assert.equal(scheduled.code, 0, scheduled.said);
            const { number, next } = JSON.parse(scheduled.out) as ScheduleView;
            assert.equal(next, new Date(opens).toISOString());
            // Nobody is there from now on.
            let job: JobView | undefined;
            await until('the night is over', opens - Date.now() + 6 * MINUTE, async () => {
              await pause(3000);
              job = (await ada.jobs()).find(({ schedule }) => schedule === number);
              assert.ok(job?.state !== 'failed' && job?.state !== 'expired', JSON.stringify(job));
              if (Date.now() < opens) assert.equal(job?.state, 'waiting');
              return job?.state === 'done';
            }).catch((error: unknown) => {
              throw new Error(`${JSON.stringify(job)}\n${service.said}`, { cause: error });
            });
            const began = Date.parse(job?.began ?? '') - opens;
            t.diagnostic(`began ${began} ms after its window opened, ended ${job?.ended}: ${job?.words}`);
            assert.ok(began >= 0 && began < 30_000, String(began));
            assert.match(job?.words ?? '', /^PASS: .* was promoted$/);
          },
          { users: 300 },
        );
        assert.deepEqual(report.failed, []);

        const jobs = await ada.type('jobs');
        assert.match(jobs.out, /canary 30% .* done: PASS: /);
        const history = await ada.type('history');
        assert.match(history.out, /ada \(schedule 1\)/, history.out);
        const status = await ada.type('status');
        assert.equal(status.code, 0, status.out + status.said);
        t.diagnostic(`\n${jobs.out}\n${history.out}`);
      } finally {
        await service.end('SIGTERM');
      }
    });
  });
});
