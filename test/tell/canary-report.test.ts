import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Point } from '../../src/core/canary/points.ts';
import { canaryHtml } from '../../src/tell/canary-report.ts';

const reading = { failAt: 4.6, passAt: 3, verdict: 'FAIL' } as const;
const point = (t: number, more: Partial<Point> = {}): Point => ({
  t,
  share: 0.1,
  canary: { requests: 10, errors: 1, median: 20, p99: 90 },
  baseline: { requests: 90, errors: 0, median: 19, p99: 80 },
  worse: t / 10,
  good: -1,
  ...more,
});

test('a report is a page of its own, and what people and hosts said is text in it', () => {
  const hostile = '</pre><script src="https://evil/">&"';
  const html = canaryHtml({ app: 'shop', head: hostile, lines: [hostile], points: [point(0), point(5)], reading });
  assert.equal(html.includes('<script'), false);
  assert.equal(html.split('&lt;/pre&gt;&lt;script src=&quot;https://evil/&quot;&gt;&amp;').length, 3);
  assert.match(html, /default-src 'none'/);
  assert.equal(/<[^>]+(?:src|href)=/.test(html), false);
  assert.equal(html.split('<svg ').length - 1, 6);
  assert.match(html, />FAIL<\/text>/);
});

test('a window without times or requests leaves a gap, and no window at all no chart', () => {
  const none = { requests: 0, errors: 0 };
  const points = [point(0), point(5, { canary: none }), point(10)];
  const html = canaryHtml({ app: 'shop', head: '', lines: [], points, reading });
  assert.equal(/NaN|undefined|Infinity/.test(html), false);
  const errors = /Errors, %[^]*?<path d="([^"]*)"/.exec(html)?.[1] ?? '';
  assert.equal(errors.split('M').length - 1, 2);
  assert.equal(canaryHtml({ app: 'shop', head: '', lines: [], points: [], reading }).includes('<svg'), false);
});
