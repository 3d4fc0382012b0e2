import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { Event } from '../../src/core/event.ts';
import { live, type Screen } from '../../src/tell/live.ts';
import { Picture } from '../../src/tell/picture.ts';
import { widthOf } from '../../src/tell/words.ts';
import { at, batch, began, failed, finished, HOSTILE, names, rotation, step } from './world.ts';

class Scene {
  now = 0;
  readonly picture = new Picture(
    () => this.now,
    (_, text) => text,
  );

  tell(...events: readonly Event[]): string[] {
    return events.flatMap((event) => this.picture.tell(event));
  }

  lines(columns = 80, rows = 24, footer: readonly string[] = []): string[] {
    return this.picture.lines({ columns, rows }, footer);
  }
}

/** The first batch is back, the second is at its switch. */
function secondBatch(hosts: readonly string[]): Scene {
  const scene = new Scene();
  scene.tell(
    began(['lb1', ...hosts]),
    rotation(hosts),
    batch(1, hosts.length, ['web1'], 'flip'),
    rotation(hosts, ['web1']),
  );
  scene.tell(batch(1, hosts.length, ['web1']), step('web1', 'started'));
  scene.now = 3000;
  scene.tell(
    step('web1', 'done'),
    batch(2, hosts.length, ['web2'], 'flip'),
    rotation(hosts, ['web2']),
    batch(2, hosts.length, ['web2']),
  );
  scene.tell(step('web2', 'started'));
  scene.now = 4000;
  return scene;
}

describe('the picture of a roll', () => {
  test('tells how far it is, who is out, and what each host does', () => {
    assert.deepEqual(secondBatch(names(4)).lines(80, 24, ['  requests 12']), [
      '',
      'shop · roll --ref v2                                                      4.0 s',
      'v2 (Say hello) on all',
      '━━━━━━━━━━━━━━─────────────────────────────  batch 2 of 4 · about 8 s left',
      'in rotation 3 of 4  ●○●●',
      '',
      'batch 2 of 4: web2 to v2',
      '',
      '  ✓ web1  in   was out for 3.0 s',
      '  ▸ web2  OUT  switch web2 to v2                                          1.0 s',
      '  · web3  in',
      '  · web4  in',
      '',
      '  requests 12',
    ]);
  });

  test('has what is done on no single backend in the place of an empty line', () => {
    const scene = secondBatch(names(2));
    const before = scene.lines().length;
    scene.tell(step('balancers', 'started', 'flip to generation 000004'));
    assert.equal(scene.lines().length, before);
    assert.match(scene.lines()[7] ?? '', /^ {2}▸ balancers {2}flip to generation 000004 +0\.0 s$/);
  });

  test('leaves what is over above it', () => {
    const scene = new Scene();
    const hosts = names(2);
    assert.deepEqual(
      scene.tell(began(hosts), rotation(hosts), batch(1, 2, ['web1'], 'flip'), batch(1, 2, ['web1'])),
      [],
    );
    scene.now = 2500;
    assert.deepEqual(scene.tell(batch(2, 2, ['web2'], 'flip')), ['✓ batch 1 of 2: web1 to v2 2.5 s']);
    assert.deepEqual(scene.tell(at({ type: 'note', text: 'the last batch is not judged' })), [
      '• the last batch is not judged',
    ]);
  });

  test('fits any terminal', () => {
    for (const columns of [1, 20, 40, 79, 80, 120, 300])
      for (const rows of [2, 5, 10, 24, 50]) {
        const lines = secondBatch(names(100)).lines(columns, rows);
        assert.ok(lines.length <= Math.max(1, rows - 1), `${lines.length} lines on ${rows} rows`);
        for (const line of lines) assert.ok(widthOf(line) <= Math.max(30, columns - 1), `${columns} columns: ${line}`);
      }
  });

  test('of a hundred hosts has those at which something happens, and counts the others', () => {
    const scene = secondBatch(names(100));
    const shown = scene.lines(80, 24).filter((line) => /^ {2}\S web/.test(line));
    assert.ok(shown.some((line) => line.includes('web2 ')));
    assert.ok(!shown.some((line) => line.includes('web1 ')), 'what is over gives way');
    assert.match(scene.lines(80, 24).at(-1) ?? '', /^ {4}and 86 more: 1 done, 85 to come$/);
    scene.tell(step('web100', 'failed'));
    assert.ok(scene.lines(80, 24).some((line) => line.includes('✗ web100')));
  });

  test('of a failure keeps the story and goes back', () => {
    const scene = secondBatch(names(2));
    assert.deepEqual(scene.tell(step('web2', 'failed'), failed(['Traceback:', '  ImportError'])), [
      '✗ web1: ask web1: /healthz: answered 503; wanted 200',
      '    Traceback:',
      '      ImportError',
      '  What to do: Look at the log.',
    ]);
    assert.ok(scene.lines().some((line) => line.startsWith('  ✗ web2  OUT  switch web2 to v2')));
    assert.deepEqual(scene.tell(at({ type: 'going back', title: 'all to v1' })), ['↩ going back: all to v1']);
    assert.equal(scene.lines()[2], 'going back: all to v1');
    assert.deepEqual(scene.tell(finished({ sentence: 'Not done: v2' }, 1)), [
      '',
      '✗ Not done: v2 (9.5 s, no Nginx reloads)',
    ]);
  });

  test('shows nothing that a terminal would obey', () => {
    const scene = new Scene();
    const above = scene.tell(
      began([HOSTILE, 'web1'], HOSTILE),
      rotation([HOSTILE, 'web1']),
      at({ type: 'phase', name: 'build', title: HOSTILE, number: 1, of: 2 }),
      step(HOSTILE, 'started', HOSTILE),
      at({ type: 'note', text: HOSTILE }),
      failed([HOSTILE]),
      at({ type: 'going back', title: HOSTILE }),
    );
    for (const line of [...above, ...scene.lines()]) assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
  });
});

describe('the live view', () => {
  function onScreen(screen: Partial<Screen> = {}) {
    const written: string[] = [];
    const view = live({
      write: (text) => void written.push(text),
      columns: () => 80,
      rows: () => 24,
      ticks: () => 0,
      colour: false,
      ...screen,
    });
    return { view, written, text: () => written.join('') };
  }

  test('draws nothing before the command has begun: it may have a question first', async () => {
    const { view, written } = onScreen();
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.deepEqual(written, []);
    view.close();
    assert.deepEqual(written, []);
  });

  test('draws over itself, and gives the cursor back', () => {
    const { view, written, text } = onScreen();
    view.tell(began(['web1']));
    view.tell(rotation(['web1']));
    const lines = (written.at(-1) ?? '').split('\n').length - 1;
    view.tell(at({ type: 'note', text: 'hello' }));
    assert.ok(written.at(-1)?.startsWith(`\r\u001b[${lines}A• hello\u001b[K\n`));
    view.close();
    assert.ok(text().startsWith('\u001b[?25l'));
    assert.ok(text().endsWith('\u001b[?25h'));
  });

  test('ends with the summary alone', () => {
    const { view, written } = onScreen();
    view.tell(began(['web1']));
    view.tell(finished());
    assert.ok(written.at(-1)?.endsWith('✓ Done: v2 (9.5 s, no Nginx reloads)\u001b[K\n\u001b[J\u001b[?25h'));
    view.close();
    assert.equal(written.length, 2);
  });

  test('tells what comes after the end below it', () => {
    const { view, written } = onScreen();
    for (const event of [
      began(['web1']),
      finished(),
      at({ type: 'note', text: 'a hook failed' }),
      step('web1', 'done'),
    ])
      view.tell(event);
    view.close();
    assert.equal(written.length, 3);
    assert.equal(written.at(-1), '• a hook failed\n');
  });

  test('counts down what is waited for, and wipes it away for what comes then', () => {
    let now = 0;
    const { view, written, text } = onScreen({ ticks: () => now });
    const waiting = (left: number): Event =>
      at({ type: 'waiting', text: 'waiting until Tue 02:00', until: '2026-11-24T02:00:00Z', left });
    view.tell(waiting(18_720_000));
    assert.equal(written.at(-1), '\u001b[?25lwaiting until Tue 02:00, in 5:12:00\u001b[K\n\u001b[J');
    now = 61_000;
    view.tell(at({ type: 'note', text: 'hello' }));
    assert.equal(written.at(-1), '\r\u001b[1A• hello\u001b[K\nwaiting until Tue 02:00, in 5:10:59\u001b[K\n\u001b[J');
    view.tell(waiting(0));
    assert.equal(written.at(-1), '\r\u001b[1A\u001b[J\u001b[?25h');
    view.tell(at({ type: 'note', text: 'asked' }));
    assert.equal(written.at(-1), '• asked\n');
    view.tell(began(['web1']));
    assert.ok(written.at(-1)?.startsWith('\u001b[?25l'));
    view.close();
    assert.ok(text().endsWith('\u001b[?25h'));
  });

  test('finds its first line again on a terminal that was made narrower', () => {
    let columns = 80;
    const { view, written } = onScreen({ columns: () => columns });
    view.tell(began(['web1']));
    columns = 40;
    view.tell(rotation(['web1']));
    // Two lines had more than 40 columns: the head and what is below it.
    const drawn = (written[0] ?? '').split('\n').slice(0, -1);
    const wrapped = drawn.filter((line) => stripVTControlCharacters(line).length > 40).length;
    assert.ok(written[1]?.startsWith(`\r\u001b[${drawn.length + wrapped}A`));
    view.close();
  });
});
