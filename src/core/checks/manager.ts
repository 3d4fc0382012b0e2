import type { BackendFacts } from '../backend-facts.ts';
import type { Inventory } from '../inventory.ts';
import { missing, ok, type Check } from '../checks.ts';
import type { Lines } from './lines.ts';

/** How the manager starts again what we end; only where its configuration can be read. */
export function managerChecks({ service }: Inventory, facts: BackendFacts, lines: Lines): Check[] {
  const setting = (kind: string, key: string): string | undefined =>
    lines
      .all(kind)
      .findLast((line) => line.startsWith(`${key}=`))
      ?.slice(key.length + 1);
  if (service.manager === 'supervisor') {
    const [file] = lines.all('program');
    if (file === undefined) return [];
    const checks: Check[] = [];
    const user = setting('supervisor', 'user');
    if (user !== undefined && user !== facts.user)
      checks.push(
        missing(
          `${file} runs it as ${user}, not as ${facts.user}`,
          `there: user=${facts.user}, then supervisorctl update`,
        ),
      );
    if (setting('supervisor', 'autorestart') !== 'true')
      checks.push(
        missing(
          `${file} has autorestart=${setting('supervisor', 'autorestart') ?? 'unexpected (its default)'}: a clean end after TERM is then never followed by a start`,
          'there: autorestart=true, then supervisorctl update',
        ),
      );
    if (setting('supervisor', 'startsecs') !== '0')
      checks.push(
        missing(
          `${file} has startsecs=${setting('supervisor', 'startsecs') ?? '1 (its default)'}: what ends early a few times becomes FATAL, which ${facts.user} can't leave`,
          'there: startsecs=0, then supervisorctl update',
        ),
      );
    return checks.length === 0 ? [ok(`${file} starts it again, always`)] : checks;
  }
  if (service.manager === 'systemd') {
    if (setting('unit', 'LoadState') !== 'loaded') return [];
    const checks: Check[] = [];
    if (setting('unit', 'Restart') !== 'always')
      checks.push(
        missing(
          `the unit has Restart=${setting('unit', 'Restart') ?? 'no'}: a clean end after TERM is not followed by a start`,
          `as root: systemctl edit ${service.name}, with [Service] Restart=always`,
        ),
      );
    if (!['0', 'infinity'].includes(setting('unit', 'StartLimitIntervalUSec') ?? '0'))
      checks.push(
        missing(
          'the unit has a start limit: after a few crashes systemd gives up',
          `as root: systemctl edit ${service.name}, with [Unit] StartLimitIntervalSec=0`,
        ),
      );
    return checks.length === 0 ? [ok('systemd starts it again, always')] : checks;
  }
  return [];
}
