import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { script } from '../../src/fleet/scripts.ts';

export const PYTHON = '/usr/bin/python3';
export const KEY = '0123456789abcdef';
export const RELEASE = '20261123-0214-1a2b3c4';

export interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly out: string;
  readonly err: string;
}

/** A folder that plays hosts: the real scripts run in it as they would over ssh. */
export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'workshop-'));
  #sequence = 0;

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** Writes files below a folder of the workshop; an empty folder for a name that ends in a slash. */
  write(where: string, files: Readonly<Record<string, string>>): string {
    for (const [name, text] of Object.entries(files)) {
      const file = this.path(where, name);
      mkdirSync(name.endsWith('/') ? file : dirname(file), { recursive: true });
      if (!name.endsWith('/')) writeFileSync(file, text);
    }
    return this.path(where);
  }

  /** A git repository of one commit. Returns the commit. */
  commit(where: string): string {
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', this.path(where), '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
        encoding: 'utf8',
      });
    git('init', '--quiet');
    git('add', '--all');
    git('commit', '--quiet', '--allow-empty', '--message', 'A commit with “quotes” and $(signs)');
    return git('rev-parse', 'HEAD').trim();
  }

  /** A complete release whose virtual environment is the system's Python: nothing needs to be built for it. */
  release(where: string, release: string, files: Readonly<Record<string, string>>): void {
    this.write(`${where}/${release}/repository`, files);
    this.write(`${where}/${release}`, { 'release.json': '{}' });
    this.write(`${where}/virtualenvs/${KEY}`, { 'bin/': '', complete: '1' });
    rmSync(this.path(where, `virtualenvs/${KEY}/bin/python`), { force: true });
    symlinkSync(PYTHON, this.path(where, `virtualenvs/${KEY}/bin/python`));
  }

  /** FOLDER TOKEN SEQUENCE HOLDER of a root's own fence. */
  fence(root: string): string[] {
    this.#sequence += 1;
    return [join(root, '.orchestrate'), '1', String(this.#sequence), 'tester'];
  }

  async run(name: string, args: readonly string[], input: string | Buffer | Readable = ''): Promise<Ended> {
    const child = spawn('sh', ['-c', script(name), name, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    // A script may end before it has read all; the stream ends with it, not later and among files that are gone by then.
    const sent = pipeline(input instanceof Readable ? input : [input], child.stdin).catch(() => undefined);
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    await sent;
    return {
      code,
      stdout: Buffer.concat(stdout),
      out: Buffer.concat(stdout).toString(),
      err: Buffer.concat(stderr).toString(),
    };
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A small Django site on SQLite; `extra` adds or replaces files. */
export const SITE: Readonly<Record<string, string>> = {
  'requirements.txt': '',
  'manage.py': `import os, sys
os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_settings')
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
`,
  'site_settings.py': `import os
SECRET_KEY = os.environ.get('SECRET_KEY', 'x')
DEBUG = False
ALLOWED_HOSTS = ['shop.example.com']
ROOT_URLCONF = 'site_urls'
MIDDLEWARE = ['django.middleware.common.CommonMiddleware']
INSTALLED_APPS = ['django.contrib.staticfiles', 'catalog']
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': os.environ.get('DATABASE', ':memory:')}}
DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'
STATIC_URL = '/static/'
STATIC_ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'static')
STATICFILES_STORAGE = 'django.contrib.staticfiles.storage.ManifestStaticFilesStorage'
STORAGES = {'staticfiles': {'BACKEND': STATICFILES_STORAGE}}
WSGI_APPLICATION = 'site_wsgi.application'
print('a settings file that prints')
`,
  'site_urls.py': `from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path
urlpatterns = [
    path('healthz', lambda request: HttpResponse('well')),
    path('sick', lambda request: HttpResponse('no database today', status=503)),
    path('away', lambda request: HttpResponseRedirect('https://shop.example.com/away')),
]
`,
  'site_wsgi.py': `import os
os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_settings')
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
`,
  'catalog/__init__.py': '',
  'catalog/models.py':
    'from django.db import models\n\n\nclass Item(models.Model):\n    name = models.CharField(max_length=50)\n',
  'catalog/migrations/__init__.py': '',
  'catalog/migrations/0001_initial.py': `from django.db import migrations, models
class Migration(migrations.Migration):
    initial = True
    operations = [migrations.CreateModel('Item', [('id', models.BigAutoField(primary_key=True)), ('name', models.CharField(max_length=50))])]
`,
  'catalog/static/site.css': 'body { background: url(mark.svg) }\n',
  'catalog/static/mark.svg': '<svg/>\n',
};
