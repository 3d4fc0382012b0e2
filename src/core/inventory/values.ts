import { z } from 'zod';
import { hostAndPort, ipAddress } from './address.ts';
import { quoted } from './problem.ts';

/**
 * The kinds of value that an inventory holds. Everything here ends up in an Nginx configuration, a path, a process manager's file or a
 * shell, and Handlebars escapes nothing: so each kind says what it may consist of, not what it must not.
 */

const text = (pattern: RegExp, message: string) => z.string().regex(pattern, message);

/** The application: names upstreams and Nginx variables. */
export const appName = text(
  /^[a-z][a-z0-9_]{0,23}$/,
  'must be 1 to 24 small letters, digits and underscores, beginning with a letter',
);

/** Backends, balancers and zones. Long names break Nginx's map_hash_bucket_size; others fall silently to the group `all`. */
export const HOST_NAME = /^(?=.{1,32}$)[a-z0-9]+(-[a-z0-9]+)*$/;
export const HOST_NAME_RULE =
  'must be small letters and digits in groups joined by single hyphens, at most 32 characters';

export const zoneName = text(HOST_NAME, HOST_NAME_RULE);

/** A path on the hosts. No spaces and nothing that Nginx, sh, supervisor, systemd or PATH read as something else. */
export const absolutePath = text(
  /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._@+-]+)+$/,
  'must be an absolute path of letters, digits and . _ @ + -, without `..` and without a slash at the end',
).max(200, 'must have at most 200 characters');

const RELATIVE = '(?![-/])(?!\\.{1,2}(/|$))[A-Za-z0-9._@+-]+(/(?!\\.{1,2}(/|$))[A-Za-z0-9._@+-]+)*';
const RELATIVE_RULE =
  'must be a relative path of letters, digits and . _ @ + -, without `..`, not beginning with a hyphen, without a slash at the end';

export const relativePath = text(new RegExp(`^${RELATIVE}$`), RELATIVE_RULE).max(
  200,
  'must have at most 200 characters',
);

export const relativePathOrDot = text(new RegExp(`^(\\.|${RELATIVE})$`), `${RELATIVE_RULE}; or \`.\` alone`).max(
  200,
  'must have at most 200 characters',
);

/** Printable characters on one line: no control characters, no line separators. */
// oxlint-disable-next-line no-control-regex -- these are what is refused
const ONE_LINE = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/;

/** A path on this machine, spaces allowed; `~` is this user's home, a relative one starts at the inventory's folder. */
export const localPath = z
  .string()
  .regex(ONE_LINE, 'must be one line without control characters')
  .regex(/\S/, 'must not be empty')
  .regex(/^(?!~[^/])(?!-)/, 'must not begin with a hyphen or with ~ and a name');

/** A shell command, run by `sh -c` on a host. It travels as one line of a process manager's file too. */
export const command = z
  .string()
  .trim()
  .regex(/\S/, 'must not be empty')
  .regex(ONE_LINE, 'must be one line without control characters; join commands with &&');

export const argument = z
  .string()
  .min(1, 'must not be empty')
  .regex(ONE_LINE, 'must be one line without control characters');

/** Why, for those who are told. */
export const reason = z
  .string()
  .trim()
  .regex(/\S/, 'must not be empty')
  .regex(ONE_LINE, 'must be one line without control characters')
  .max(200, 'must have at most 200 characters');

export const gitSource = text(
  /^(?!-)\S+$/,
  'must be a path or a URL without spaces, not beginning with a hyphen',
).regex(ONE_LINE, 'must be one line without control characters');

export const gitRef = text(
  /^(?!-)[A-Za-z0-9._/@{}^~+-]+$/,
  'must be a branch, tag or commit: letters, digits and . _ / @ { } ^ ~ + -, not beginning with a hyphen',
);

export const userName = text(/^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$/, 'must be a user name');

export const port = z.int().min(1, 'must be 1 to 65535').max(65_535, 'must be 1 to 65535');

export const whole = (least: number, most: number) =>
  z.int().min(least, `must be ${least} to ${most}`).max(most, `must be ${least} to ${most}`);

/** supervisor's or systemd's own name of a program: `shop`, `shop:shop_00`, `gunicorn@8000.service`. */
export const serviceName = text(
  /^[A-Za-z0-9][A-Za-z0-9_.@:-]{0,99}$/,
  'must be letters, digits and _ . @ : -, beginning with a letter or digit',
);

const HOP =
  /^([A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]{0,252})(:[1-9]\d{0,4})?$/;

/** `user@host:port` hops, separated by commas, as after ssh's -J. */
export const jump = z
  .string()
  .refine(
    (value) => value === 'none' || value.split(',').every((hop) => HOP.test(hop)),
    'must be [user@]host[:port], several separated by commas, nearest first; `none` for no jump',
  );

/** What the Host header says. */
export const httpHost = z
  .string()
  .refine((value) => hostAndPort(value) !== undefined, 'must be a host name, with :PORT if it has one');

/** Path and query of a request. */
export const httpPath = text(
  /^\/(?!\/)[A-Za-z0-9._~!&()*+,=:@%/?-]*$/,
  'must begin with one slash and hold no spaces, quotes or ; { } $ #',
).max(1000, 'must have at most 1000 characters');

export const headerName = text(
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/,
  'must be letters, digits, hyphens and underscores',
).refine(
  (value) => !/^(host|connection|content-length|transfer-encoding|upgrade|expect)$/i.test(value),
  'is set by orchestrate itself (the Host header: health.host)',
);

export const headerValue = text(
  /^[!-~]([ -~]*[!-~])?$/,
  'must be visible ASCII characters on one line, without spaces at its ends',
);

/** Where a balancer's workers tell what they serve: reachable on the balancer only. */
export const loopbackListen = z.string().refine((value) => {
  const at = hostAndPort(value);
  if (at?.port === undefined) return false;
  const address = ipAddress(at.host);
  return 'ip' in address && (address.ip.startsWith('127.') || address.ip === '::1');
}, 'must be a loopback address with a port, such as 127.0.0.1:8099: everyone who reaches it sees the routing');

const WEEK = 7 * 24 * 3_600_000;
const UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `250ms`, `30s`, `5m`, `2h`, `1d`, to milliseconds. */
const durationOf = (least: number) =>
  z
    .string({
      error: (issue) =>
        typeof issue.input === 'number'
          ? `needs a unit: ${issue.input}s, ${issue.input}ms, ${issue.input}m`
          : undefined,
    })
    .regex(/^\d{1,9}(ms|s|m|h|d)$/, 'must be a time such as 250ms, 30s, 5m, 2h or 1d')
    .refine(
      (value) => milliseconds(value) >= least && milliseconds(value) <= WEEK,
      least > 0 ? 'must be longer than nothing and at most a week (7d)' : 'must be at most a week (7d)',
    )
    .transform(milliseconds);

function milliseconds(value: string): number {
  const [, amount = '', unit = ''] = /^(\d+)(ms|s|m|h|d)$/.exec(value) ?? [];
  return Number(amount) * (UNIT[unit] ?? Number.NaN);
}

export const duration = durationOf(1);
export const durationOrNone = durationOf(0);

/** A number of hosts or a share of them: `1`, `25%`. */
export const count = z.union(
  [
    z.int().min(1, 'must be at least 1').max(10_000, 'must be at most 10000'),
    z
      .string()
      .regex(/^([1-9][0-9]?|100)%$/)
      .transform((share) => `${Number(share.slice(0, -1))}%` as const),
  ],
  { error: (issue) => `must be a number of hosts (1) or a share of them (25%), not ${quoted(issue.input)}` },
);

/** How Nginx chooses among the servers of a group; the line as it stands in an upstream. */
export const method = text(
  /^(round_robin|least_conn|ip_hash|hash (\$[a-z_][a-z0-9_]*|[A-Za-z0-9_.:/-])+( consistent)?)$/,
  'must be round_robin, least_conn, ip_hash, or `hash KEY` such as `hash $request_uri consistent`',
);

/** Where a webhook is received. Sent from this machine only. */
export const webhook = z
  .string()
  .regex(/^https?:\/\/[!-~]+$/, 'must be an address such as https://hooks.example.com/roll, without spaces')
  .refine((value) => URL.canParse(value), 'is no address that can be asked')
  .refine(
    (value) => !URL.canParse(value) || (new URL(value).username === '' && new URL(value).password === ''),
    'must have no user and password in it: sign the messages with secret_file instead',
  );
