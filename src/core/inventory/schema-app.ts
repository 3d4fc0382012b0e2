import { z } from 'zod';
import { serverOptions } from './server-options.ts';
import * as value from './values.ts';

/** The sections that say what the application is, on the backends and on the balancers. */

export const release = z
  .strictObject({
    root: value.absolutePath.describe(
      'The folder on every backend that holds the releases, current, previous and shared.',
    ),
    code: value.relativePathOrDot
      .prefault('repository')
      .describe("The code's folder inside a release; `.` is the release folder itself."),
    virtualenv: value.relativePath.prefault('virtualenv').describe("The virtual environment's place inside a release."),
    shared: z
      .record(value.relativePath, value.relativePath)
      .prefault({})
      .describe('Linked into each release: a path in the code, and the path below root/shared.'),
    env_file: value.relativePath
      .prefault('env')
      .describe('Below root/shared: KEY=value lines for the application and its commands; never sourced by a shell.'),
    keep: value.whole(2, 1000).prefault(5).describe('Releases kept on each host.'),
  })
  .describe('Where releases live on the backends.');

const staticFiles = z
  .strictObject({
    command: z
      .union([value.command, z.null()], { error: 'must be a command, or null where there are no static files' })
      .prefault('python manage.py collectstatic --noinput')
      .describe('Run once, on the builder; null: there are no static files to collect.'),
    output: value.relativePath.prefault('static').describe('Where the command leaves them, in the code.'),
    publish: z
      .exactOptional(
        z.strictObject({
          to: z.enum(['balancers', 'backends', 'none']).describe('Which hosts serve them.'),
          path: z.exactOptional(value.absolutePath).describe('Their folder there; default: root/static.'),
        }),
      )
      .describe('Where they are merged in before the first switch; default: nowhere.'),
  })
  .describe('The static files.');

export const build = z
  .strictObject({
    source: value.gitSource.prefault('.').describe("A git repository: a URL, or a path from the inventory's folder."),
    ref: value.gitRef.prefault('main').describe('The branch, tag or commit that is rolled when --ref says nothing.'),
    builder: z
      .exactOptional(value.zoneName)
      .describe('The backend that builds, or local: this machine; default: the first backend.'),
    python: value.absolutePath.prefault('/usr/bin/python3').describe('Makes the virtual environments.'),
    requirements: value.relativePath
      .prefault('requirements.txt')
      .describe('In the code; installed into a new virtual environment when anything in it changes.'),
    venv_args: z.array(value.argument).prefault([]).describe('More arguments for python -m venv.'),
    commands: z
      .array(value.command)
      .prefault([])
      .describe('Run in the code, in order, with the virtual environment first on PATH.'),
    static: staticFiles.prefault({}),
  })
  .describe('How a release is made, once, on one host.');

const SLOTS = 'must be a list of one or two ports, such as [8000] or [8000, 8001]';

export const service = z
  .strictObject({
    manager: z
      .enum(['supervisor', 'systemd', 'pidfile', 'command'])
      .prefault('supervisor')
      .describe('Keeps the program alive. pidfile: something else, we send TERM and wait; command: we run restart.'),
    wrapper: z
      .boolean()
      .prefault(true)
      .describe("true: the manager runs run-slot.sh, which restarts Gunicorn at once; false: the site's own program."),
    command: z
      .exactOptional(value.command)
      .describe('What the wrapper runs in release.code; it is given $PORT and $PID_FILE.'),
    slots: z
      .array(value.port, SLOTS)
      .min(1, SLOTS)
      .max(2, SLOTS)
      .refine(([one, other]) => one !== other, 'names one port twice: each slot needs its own')
      .prefault([8000])
      .describe('The port that the application listens on; two: the next release starts on the other one first.'),
    linger: value.durationOrNone
      .prefault('10m')
      .describe('Two slots: how long the former release runs on, so that going back to it is instant. 0s: not at all.'),
    start_concurrency: value
      .whole(1, 1000)
      .prefault(20)
      .describe('Two slots: hosts on which the next release is started at once.'),
    name: value.serviceName.describe("The program's name in supervisor or systemd."),
    pid_file: z
      .exactOptional(value.absolutePath)
      .describe("Where the site's own program writes its pid (wrapper: false); default: /run/APP/gunicorn.pid."),
    restart: z
      .union([value.command, z.null()], { error: 'must be a command, or null' })
      .prefault(null)
      .describe('manager command: what restarts the program.'),
  })
  .describe('What runs the application on a backend.');

export const health = z
  .strictObject({
    path: value.httpPath.prefault('/healthz').describe('Asked for to learn whether a backend is well.'),
    host: value.httpHost.describe("The Host header (Django's ALLOWED_HOSTS)."),
    headers: z
      .record(value.headerName, value.headerValue)
      .prefault({})
      .describe('More headers: what the site behind TLS expects (SECURE_SSL_REDIRECT).'),
    status: value
      .whole(200, 599)
      .refine(
        (status) => status < 300 || status > 399,
        'is a redirect, which is always a failure: ask where it leads to',
      )
      .prefault(200)
      .describe('The one right answer. A redirect is a failure.'),
    consecutive: value.whole(1, 100).prefault(2).describe('Right answers in a row that are needed.'),
    interval: value.duration.prefault('500ms').describe('Between two questions.'),
    timeout: value.duration.prefault('2s').describe('How long one answer may take.'),
    deadline: value.duration.prefault('60s').describe('How long a restarted backend may take to be well.'),
    from: z
      .enum(['balancer', 'backend', 'here'])
      .prefault('balancer')
      .describe('Who asks. balancer: each balancer, over its ssh connection: the path that users take.'),
    warm: z.array(value.httpPath).prefault(['/']).describe('Requested before the host takes traffic.'),
  })
  .describe('When a backend is well.');

export const nginx = z
  .strictObject({
    switch: z
      .enum(['live', 'reload'])
      .prefault('live')
      .describe('live: a rename moves the traffic, without a reload. reload: rewrite the upstream and reload.'),
    configuration: z
      .enum(['managed', 'fixed'])
      .prefault('managed')
      .describe('managed: orchestrate writes it, with sudo for test and reload. fixed: an administrator installed it.'),
    file: z.exactOptional(value.absolutePath).describe('The configuration; default: /etc/nginx/orchestrate/APP.conf.'),
    folder: z.exactOptional(value.absolutePath).describe('The routing; default: /var/lib/orchestrate/APP.'),
    template: value.localPath
      .prefault('upstream.conf.hbs')
      .describe("A file in templates/, or, with a slash in it, a path from the inventory's folder."),
    method: value.method.prefault('round_robin').describe('How Nginx chooses among the backends.'),
    server_options: serverOptions
      .prefault('max_fails=0')
      .describe(
        'Behind each server: max_fails, fail_timeout, max_conns. Without max_fails=0 one error can fail the site.',
      ),
    status: value.loopbackListen
      .prefault('127.0.0.1:8099')
      .describe('Where the workers tell what they serve, on the balancer only.'),
    test: value.command.prefault('sudo nginx -t').describe('Tests the configuration.'),
    reload: value.command.prefault('sudo nginx -s reload').describe('Reloads it.'),
    keepalive_timeout: value.durationOrNone
      .prefault('75s')
      .describe("The site's own keepalive_timeout: how long a quiesced reload waits for clients."),
    access_log: z
      .exactOptional(value.absolutePath)
      .describe('One JSON object a request; default: /var/log/nginx/APP.json.'),
  })
  .describe('Nginx on the balancers.');
