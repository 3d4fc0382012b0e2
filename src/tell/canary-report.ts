import type { Point } from '../core/canary/points.ts';
import type { Reading } from '../core/verdict/reading.ts';

/** What a report is made of. */
export interface Report {
  readonly app: string;
  /** What it is of: who began it, with what, when, how it ended. */
  readonly head: string;
  /** In words and numbers, as on a terminal. */
  readonly lines: readonly string[];
  readonly points: readonly Point[];
  readonly reading: Pick<Reading, 'failAt' | 'passAt' | 'verdict'>;
}

const WIDTH = 860;
const HEIGHT = 180;
const LEFT = 60;
const BOTTOM = 24;

interface Series {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly (number | undefined)[];
}

const CANARY = '#c2410c';
const BASELINE = '#1d4ed8';

/** A page of its own: charts and words, no script, nothing from elsewhere. What hosts and people said stands in it as text. */
export function canaryHtml({ app, head, lines, points, reading }: Report): string {
  const arm = (name: 'canary' | 'baseline', of: (point: Point['canary']) => number | undefined): Series => ({
    name,
    colour: name === 'canary' ? CANARY : BASELINE,
    values: points.map((point) => of(point[name])),
  });
  const both = (of: (point: Point['canary']) => number | undefined): Series[] => [
    arm('canary', of),
    arm('baseline', of),
  ];
  const errors = ({ errors: many, requests }: Point['canary']): number | undefined =>
    requests === 0 ? undefined : (many / requests) * 100;
  const charts = [
    chart(
      'Requests a second',
      points,
      both(({ requests }) => requests / 5),
      {},
    ),
    chart('Errors, % of the requests', points, both(errors), {}),
    chart(
      'Half of the requests took at most, ms',
      points,
      both(({ median }) => median),
      {},
    ),
    chart(
      '99 of 100 requests took at most, ms',
      points,
      both(({ p99 }) => p99),
      {},
    ),
    chart(
      'Evidence that the canary is worse (natural logarithm)',
      points,
      [{ name: 'evidence', colour: CANARY, values: points.map(({ worse }) => worse) }],
      { bound: reading.failAt, told: 'FAIL' },
    ),
    chart(
      'Evidence that it errs rarely (natural logarithm)',
      points,
      [{ name: 'evidence', colour: '#15803d', values: points.map(({ good }) => good) }],
      { bound: reading.passAt, told: 'PASS' },
    ),
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(app)}: a canary, ${escaped(reading.verdict)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: ${WIDTH}px; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
pre { font: 13px/1.5 ui-monospace, monospace; background: #f6f6f4; padding: 1rem; overflow-x: auto; }
h2 { font-size: 15px; margin: 1.5rem 0 .3rem; }
svg { width: 100%; height: auto; }
text { font: 11px system-ui, sans-serif; fill: #555; }
</style>
<h1>${escaped(app)}: ${escaped(reading.verdict)}</h1>
<p>${escaped(head)}</p>
<pre>${escaped(lines.join('\n'))}</pre>
${charts.join('\n')}
<p>Orange is the canary, blue the release beside it. Each point is a window of 5 seconds; windows that were left out of the evidence have none.</p>
</html>
`;
}

/** One chart. `bound`: a line that decides, and what it is called. */
function chart(
  title: string,
  points: readonly Point[],
  series: readonly Series[],
  { bound, told = '' }: { readonly bound?: number; readonly told?: string },
): string {
  const values = series.flatMap((each) => each.values).filter((value) => value !== undefined);
  const first = points[0]?.t;
  if (first === undefined || values.length === 0) return '';
  const [low, high] = [Math.min(0, ...values), Math.max(bound ?? 0, ...values, 1e-9)];
  const last = points.at(-1)?.t ?? first;
  const x = (t: number): string => (LEFT + ((t - first) / Math.max(1, last - first)) * (WIDTH - LEFT - 10)).toFixed(1);
  const y = (value: number): string =>
    (HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - BOTTOM - 10)).toFixed(1);
  const path = ({ values: all, colour }: Series): string => {
    let drawing = false;
    const d = all
      .map((value, at) => {
        const t = points[at]?.t;
        if (value === undefined || t === undefined) {
          drawing = false;
          return '';
        }
        const word = `${drawing ? 'L' : 'M'}${x(t)} ${y(value)}`;
        drawing = true;
        return word;
      })
      .join('');
    return `<path d="${d}" fill="none" stroke="${colour}" stroke-width="1.5"/>`;
  };
  const mark =
    bound === undefined
      ? ''
      : `<line x1="${LEFT}" x2="${WIDTH - 10}" y1="${y(bound)}" y2="${y(bound)}" stroke="#999" stroke-dasharray="4 3"/><text x="${WIDTH - 50}" y="${Math.max(10, Number(y(bound)) - 4).toFixed(1)}">${escaped(told)}</text>`;
  return `<h2>${escaped(title)}</h2>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">
<line x1="${LEFT}" x2="${WIDTH - 10}" y1="${y(0)}" y2="${y(0)}" stroke="#ccc"/>
<text x="0" y="${y(high)}" dy="8">${short(high)}</text><text x="0" y="${y(low)}">${short(low)}</text>
<text x="${LEFT}" y="${HEIGHT - 6}">${clock(first)}</text><text x="${WIDTH - 80}" y="${HEIGHT - 6}">${clock(last)} UTC</text>
${series.map(path).join('\n')}
${mark}
</svg>`;
}

const short = (value: number): string => Number(value.toPrecision(3)).toLocaleString('en-US');

const clock = (t: number): string => new Date(t * 1000).toISOString().slice(11, 19);

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
