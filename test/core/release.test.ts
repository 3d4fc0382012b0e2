import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatRelease,
  parseRelease,
  RELEASE_NAME,
  releaseName,
  virtualenvKey,
  type Release,
  type VirtualenvContent,
} from '../../src/core/release.ts';
import { readRequirements } from '../../src/core/requirements.ts';

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
const release: fc.Arbitrary<Release> = fc
  .record({
    now: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    commit: hex(40),
    ref: fc.string(),
    subject: fc.string({ unit: 'binary' }),
    author: fc.string(),
    virtualenv: hex(16),
  })
  .map(({ now, commit, ...rest }) => {
    const at = new Date(now).toISOString();
    return { version: 1, release: releaseName(now, commit), commit, committed: at, built: at, ...rest };
  });

test('a release is named after its minute, in UTC, and its commit', () => {
  assert.equal(
    releaseName(Date.parse('2026-11-23T02:14:59.999Z'), `1a2b3c4d${'0'.repeat(32)}`),
    '20261123-0214-1a2b3c4',
  );
});

test('names sort by age', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4e12 }),
      fc.integer({ min: 60_000, max: 4e12 }),
      hex(40),
      hex(40),
      (now, later, one, other) => {
        assert.match(releaseName(now, one), RELEASE_NAME);
        assert.ok(releaseName(now, one) < releaseName(now + later, other));
      },
    ),
  );
});

test('release.json is read back as it was written, on one line', () => {
  fc.assert(
    fc.property(release, (value) => {
      assert.equal(formatRelease(value).indexOf('\n'), formatRelease(value).length - 1);
      assert.deepEqual(parseRelease(formatRelease(value)), { release: value });
    }),
  );
});

test('whatever a host prints in its place is a problem in words, never a crash', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        release.map((value) => formatRelease({ ...value, commit: 'x' })),
      ),
      (text) => {
        const read = parseRelease(text);
        assert.ok('problem' in read && read.problem.startsWith('release.json'));
      },
    ),
  );
});

const content: VirtualenvContent = {
  files: [
    { path: 'requirements.txt', text: 'django\n' },
    { path: 'base.txt', text: 'x' },
  ],
  local: [{ path: 'lib', hash: 'a' }],
  python: '3.11.2',
  platform: 'linux-x86_64',
  venvArgs: [],
  commands: [],
};

test('equal content has an equal key, in whatever order the files were found', () => {
  const key = virtualenvKey(content);
  assert.match(key, /^[0-9a-f]{16}$/);
  assert.equal(virtualenvKey({ ...content, files: content.files.toReversed() }), key);
});

test('every part of the content counts', () => {
  const others: Partial<VirtualenvContent>[] = [
    { files: content.files.slice(1) },
    { files: [{ path: 'requirements.txt', text: 'django' }, ...content.files.slice(1)] },
    { local: [] },
    { local: [{ path: 'lib', hash: 'b' }] },
    { python: '3.11.3' },
    { platform: 'linux-aarch64' },
    { venvArgs: ['--system-site-packages'] },
    { commands: ['make'] },
    { venvArgs: ['make'] },
  ];
  assert.equal(
    new Set([content, ...others.map((other) => ({ ...content, ...other }))].map(virtualenvKey)).size,
    others.length + 1,
  );
});

test('a requirements file names other files and paths', () => {
  const text = [
    '# -r not.txt',
    '-r base.txt  # comment',
    '-rglued.txt',
    '--requirement=equals.txt',
    '-c "quoted.txt"',
    '--constraint https://example.com/c.txt',
    'django>=3.2 ; python_version < "4"',
    'a @ https://example.com/a/b.whl',
    'b @ git+ssh://git@example.com/x/y.git',
    './lib[extra] ; python_version > "3"',
    'vendor/x-1.0.whl --hash=sha256:00',
    'c @ file:vendor/c',
    '--find-links wheels/',
    '-f https://example.com/',
    '-e .',
    '--editable git+https://example.com/z',
    '--no-index',
    'long \\',
    '  -r is-no-file.txt',
  ].join('\r\n');
  assert.deepEqual(readRequirements(text), {
    nested: ['base.txt', 'glued.txt', 'equals.txt', 'quoted.txt'],
    local: ['./lib', 'vendor/x-1.0.whl', 'vendor/c', 'wheels/'],
    editable: ['.'],
  });
});

test('no text makes the reading of requirements fail', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'-rcef=\\\n #."/@:;[]ab') }),
      (text) => void readRequirements(text),
    ),
  );
});
