import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { clean, cut, lasting, padded, summaryLines, table, widthOf } from '../../src/tell/words.ts';
import { HOSTILE, names } from './world.ts';

describe('words', () => {
  test('say how long something lasts', () => {
    assert.deepEqual([0, 850, 59_949, 59_950, 75_000, 3_661_000].map(lasting), [
      '0.0 s',
      '0.8 s',
      '59.9 s',
      '1:00',
      '1:15',
      '1:01:01',
    ]);
  });

  test('of hosts lose whatever a terminal would obey', () => {
    assert.equal(clean(HOSTILE), 'ok 2Jgnp.exe');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.doesNotMatch(clean(text), /[\p{Cc}\p{Cf}]/u);
      }),
    );
  });

  test('are as wide as a terminal shows them', () => {
    assert.deepEqual(['web1', 'höst', 'e\u0301', '木', '🎉', ''].map(widthOf), [4, 4, 1, 2, 2, 0]);
  });

  test('are cut to what there is room for', () => {
    assert.equal(cut('in rotation', 11), 'in rotation');
    assert.equal(cut('in rotation', 5), 'in r…');
    assert.equal(cut('木木木', 4), '木…');
    assert.equal(cut('abc', 0), '');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, width) => {
        assert.ok(widthOf(cut(text, width)) <= width);
        assert.equal(widthOf(padded(text, width)), width);
      }),
    );
  });

  test('make a table, without a column that nobody fills', () => {
    assert.deepEqual(
      table([
        ['web1', '', 'in', 'x'],
        ['web10', '', 'OUT', ''],
      ]),
      ['web1   in   x', 'web10  OUT'],
    );
  });
});

describe('a summary', () => {
  test('tells each host, what it runs and how long it was out', () => {
    assert.deepEqual(
      summaryLines({
        sentence: 'Done: v2 on web1 and web2',
        hosts: [
          { host: 'web1', release: 'v2', rotation: 'in', out: 2900 },
          { host: 'web2', release: null, rotation: 'out', out: 0, note: 'new disk' },
        ],
        took: 21_800,
        reloads: 1,
      }),
      [
        '  web1  v2          in rotation      was out for 2.9 s',
        '  web2  no release  OUT OF rotation                     new disk',
        'Done: v2 on web1 and web2 (21.8 s, 1 Nginx reload)',
      ],
    );
  });

  test('of a large fleet puts together what is alike', () => {
    const hosts = names(100).map((host, index) => ({
      host,
      release: 'v2',
      rotation: 'in' as const,
      out: 2000 + index * 10,
    }));
    const odd = { host: 'web100', release: 'v1', rotation: 'unknown' as const, out: 0, note: 'unreachable' };
    assert.deepEqual(
      summaryLines({ sentence: 'Done', hosts: [...hosts.slice(0, 99), odd], took: 1000, reloads: 0 }).slice(0, -1),
      [
        '  99 hosts, web1 to web99  v2  in rotation       was out for 2.0 s to 3.0 s',
        '  web100                   v1  rotation unknown                              unreachable',
      ],
    );
  });

  test('shows what a host says without its escapes', () => {
    const [line = ''] = summaryLines({
      sentence: '',
      hosts: [{ host: 'web1', release: HOSTILE, rotation: 'out', out: 0, note: HOSTILE }],
      took: 0,
      reloads: 0,
    });
    assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
  });
});
