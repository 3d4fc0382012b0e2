import assert from 'node:assert/strict';
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { run } from './fleet/hosts/shell.ts';

const ROOT = join(import.meta.dirname, '..');
const text = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8');
const orchestrate = async (...args: string[]): Promise<string> =>
  (await run(process.execPath, [join(ROOT, 'src/main.ts'), ...args])).stdout;

describe('the documents', () => {
  test('name every command, and every flag', async () => {
    const readme = await text('README.md');
    const help = await orchestrate('--help');
    const commands = [...help.slice(help.indexOf('Commands:')).matchAll(/^ {2}([a-z]+)/gm)]
      .map(([, name = '']) => name)
      .filter((name) => name !== 'help');
    assert.ok(commands.length > 5);
    const helps = await Promise.all(commands.map((name) => orchestrate(name, '--help')));
    for (const name of commands)
      assert.match(readme, new RegExp(`^\\| \`${name}\\b`, 'm'), `README.md lacks \`${name}\``);
    for (const flag of new Set(helps.flatMap((each) => each.match(/--[a-z-]+/g) ?? [])))
      if (flag !== '--help') assert.ok(readme.includes(flag), `README.md lacks ${flag}`);
  });

  test('name every room, and every script that runs on hosts', async () => {
    const map = await text('docs/architecture.md');
    const folders = (await readdir(join(ROOT, 'src'), { withFileTypes: true, recursive: true })).filter((entry) =>
      entry.isDirectory(),
    );
    for (const { parentPath, name } of folders) {
      const path = join(parentPath, name).slice(ROOT.length + 1);
      assert.ok(map.includes(`\`${path}/\``), `docs/architecture.md lacks ${path}/`);
    }
    for (const script of await readdir(join(ROOT, 'src/remote')))
      assert.ok(map.includes(`\`${script}\``), `docs/architecture.md lacks ${script}`);
  });

  test('link to files that are there', async () => {
    const docs = (await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md'));
    for (const file of ['README.md', 'SECURITY.md', 'CHANGELOG.md', ...docs.map((name) => `docs/${name}`)])
      for (const [, target = ''] of (await text(file)).matchAll(/\]\((?!https?:)([^)#]+)\)/g))
        await assert.doesNotReject(access(join(ROOT, file, '..', target)), `${file}: ${target}`);
  });

  test('of the map name files that are there', async () => {
    const map = await text('docs/architecture.md');
    for (const [, path = ''] of map.matchAll(
      /`((?:core|remote|fleet|src|test|templates|bench)\/[\w./-]+\.(?:ts|sh|py|hbs))`/g,
    )) {
      const at = /^(core|remote|fleet)\//.test(path) ? `src/${path}` : path;
      await assert.doesNotReject(access(join(ROOT, at)), path);
    }
  });
});
