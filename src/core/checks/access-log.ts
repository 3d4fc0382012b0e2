import type { Inventory } from '../inventory.ts';
import type { LogTail } from '../routing/foreign.ts';
import { missing, note, ok, type Check } from '../checks.ts';
import type { Lines } from './lines.ts';

/** The fields that the scripts read, by their place in a line split at quotes. templates/upstream.conf.hbs writes them in this order. */
const FIELDS: Readonly<Record<number, string>> = {
  1: 'time',
  5: 'upstream',
  13: 'upstream_status',
  21: 'request_time',
  25: 'group',
  29: 'root',
  37: 'client',
  49: 'stream',
};

/** The same, in words. */
export const accessLogFields: readonly string[] = Object.values(FIELDS);

/** Whether the access log can be read, is of our format, comes at once, and tells of no request outside the routing. */
export function accessLogChecks(inventory: Inventory, user: string, lines: Lines, tail: LogTail | null): Check[] {
  const { app, nginx } = inventory;
  const [state = 'missing', owner = '', group = '', mode = ''] = (lines.one('log') ?? '').split(' ');
  const directive = `access_log ${nginx.access_log} orchestrate_${app};`;
  if (state === 'missing')
    return [
      missing(
        `there is no access log ${nginx.access_log}: whoever sends requests past the routing could not be seen`,
        `in the site's server block: ${directive} (then nginx -t && nginx -s reload)`,
      ),
    ];
  if (state !== 'readable') {
    const what = state === 'hidden' ? nginx.access_log.replace(/\/[^/]+$/, '') : nginx.access_log;
    const shared = group !== '' && group !== 'root' && Number(mode.at(-2)) >= 4;
    return [
      missing(
        `${user} can't read ${what} (it belongs to ${owner}:${group}, mode ${mode})`,
        shared
          ? `as root: usermod -aG ${group} ${user}`
          : `as root: let a group of ${user} read ${what}, in logrotate's \`create\` too`,
      ),
    ];
  }
  return [...format(lines.one('last') ?? '', nginx.access_log, directive), ...pace(lines), ...foreign(inventory, tail)];
}

function format(last: string, log: string, directive: string): Check[] {
  if (last === '') return [note(`${log} is empty: no request has come yet, so its format can't be seen`)];
  const words = last.split('"');
  const strange = Object.entries(FIELDS).filter(([at, name]) => words[Number(at)] !== name);
  return strange.length === 0
    ? [ok(`${log} can be read, and its last line has our fields`)]
    : [
        missing(
          `the last line of ${log} is not of our format (${strange.map(([, name]) => name).join(', ')} not in place)`,
          `in the site's server block: ${directive} (then nginx -t && nginx -s reload)`,
        ),
      ];
}

/** Lines that Nginx keeps in a buffer come too late for a bake. */
function pace(lines: Lines): Check[] {
  return lines.all('logline').flatMap((line): Check[] => {
    const [, place = '', directive = ''] = /^([^:]*):\s*(.*)$/.exec(line) ?? [];
    if (/\sgzip(=\d)?[\s;]/.test(directive))
      return [missing(`${place}: \`${directive}\` packs the log`, `there: leave out gzip`)];
    if (!/\sbuffer=/.test(directive)) return [];
    const flush = /\sflush=(\d+)(ms|s|m|h|d)?/.exec(directive);
    const seconds = flush === null ? Number.POSITIVE_INFINITY : Number(flush[1]) * (UNIT[flush[2] ?? 's'] ?? 1);
    return seconds <= 1
      ? []
      : [
          missing(
            `${place}: \`${directive}\` holds lines back for ${flush === null ? 'as long as the buffer lasts' : `${seconds} s`}; errors of a new release would be seen too late`,
            'there: leave out buffer=, or write flush=1s',
          ),
        ];
  });
}

const UNIT: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

function foreign(inventory: Inventory, tail: LogTail | null): Check[] {
  if (tail === null) return [];
  if (tail.foreign.length === 0)
    return tail.lines === 0
      ? []
      : [ok(`each of the last ${tail.lines} requests since Nginx was loaded went by the routing`)];
  const { app, nginx } = inventory;
  const how =
    nginx.switch === 'live'
      ? `that location needs the site's own \`root ${nginx.folder}/live/$${app}_lane;\` and \`proxy_pass http://$${app}_upstream;\` (orchestrate init --print site)`
      : `that location needs \`proxy_pass http://${app};\``;
  return tail.foreign
    .slice(0, 5)
    .map(({ backend, passes, host, uri, requests }) =>
      missing(
        `a location sends to ${backend} past the routing, as ${passes}: ${requests} requests, one of them ${host}${uri}`,
        `in the site: ${how}; then nginx -t && nginx -s reload`,
      ),
    );
}
