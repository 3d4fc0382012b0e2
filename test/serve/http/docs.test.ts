import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { StreamReader } from '../../../src/core/api/stream.ts';
import { storedEventSchema } from '../../../src/core/api/told.ts';
import { healthSchema, problemSchema } from '../../../src/core/api/views.ts';
import { openApi } from '../../../src/serve/http/openapi.ts';
import { routes } from '../../../src/serve/http/routes.ts';

const FILE = join(import.meta.dirname, '..', '..', '..', 'docs', 'api.md');

/** `heading`: GET /v1/jobs. */
interface Section {
  readonly heading: string;
  readonly text: string;
}

const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, block = '']) => block);

describe('docs/api.md', async () => {
  const text = await readFile(FILE, 'utf8');
  const sections = text
    .split(/^### /m)
    .slice(1)
    .map((part): Section => {
      const [, heading = ''] = /^`([^`]+)`\n/.exec(part) ?? [];
      return { heading, text: part.replace(/^## .*/ms, '') };
    });
  const of = (heading: string): Section => {
    const found = sections.find((section) => section.heading === heading);
    assert.ok(found !== undefined, `docs/api.md lacks ${heading}`);
    return found;
  };

  test('has each route once, and no other', () => {
    const { paths } = openApi('1') as { paths: Record<string, object> };
    const there = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    assert.deepEqual(sections.map(({ heading }) => heading).toSorted(), there.toSorted());
  });

  for (const { method, path, scope, body, answer } of routes)
    test(`asks ${method} ${path} as it is asked, and shows what it answers`, () => {
      const { text: told } = of(`${method} ${path}`);
      assert.match(told, new RegExp(`\\bneeds \`${scope}\``, 'i'));
      const [example = ''] = blocks(told, 'sh');
      const [, asked = ''] = /\$S([^\s"?]*)/.exec(example) ?? [];
      assert.match(asked, new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[\\w-]+')}$`));
      const data = /--data '(.*)'/.exec(example)?.[1];
      const sent = / -X (\w+)/.exec(example)?.[1] ?? (data === undefined ? 'GET' : 'POST');
      assert.equal(sent, method);
      assert.equal(data !== undefined, body !== undefined);
      if (body !== undefined) body.parse(JSON.parse(data ?? ''));
      const [shown = ''] = blocks(told, 'json');
      const value: unknown = JSON.parse(shown);
      assert.deepEqual(answer.parse(value), value);
    });

  test('shows events, its health and a problem as they are', () => {
    const [stream = ''] = blocks(of('GET /v1/events').text, 'text');
    const messages = new StreamReader().read(`${stream}\n`);
    assert.ok(messages.length > 2);
    for (const { id, data } of messages) {
      const value: unknown = JSON.parse(data);
      assert.deepEqual(storedEventSchema.parse(value), value);
      assert.equal(String(storedEventSchema.parse(value).id), id);
    }
    const healths = blocks(of('GET /health').text, 'json').map((block): unknown => JSON.parse(block));
    assert.equal(healths.length, 2);
    for (const health of healths) assert.deepEqual(healthSchema.parse(health), health);
    const problem: unknown = JSON.parse(blocks(text, 'json problem')[0] ?? '');
    assert.deepEqual(problemSchema.parse(problem), problem);
  });
});
