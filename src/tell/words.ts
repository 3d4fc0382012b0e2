import type { Summary } from '../core/event.ts';

/** 850 -> "0.9 s", 75_000 -> "1:15". */
export function lasting(ms: number): string {
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  const hours = Math.floor(whole / 3600);
  const rest = `${String(Math.floor((whole % 3600) / 60)).padStart(hours > 0 ? 2 : 1, '0')}:${String(whole % 60).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** Columns padded to the widest cell of each. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** The end of a command: each host, what it runs, how long it was out; then one sentence. */
export function summaryLines(summary: Summary): string[] {
  const hosts = summary.hosts.map((host) => [
    `  ${host.host}`,
    host.release ?? 'no release',
    host.rotation === 'unknown' ? 'rotation unknown' : `${host.rotation === 'in' ? 'in' : 'OUT OF'} rotation`,
    host.out > 0 ? `was out for ${lasting(host.out)}` : '',
    host.note ?? '',
  ]);
  const reloads = `${summary.reloads === 0 ? 'no' : summary.reloads} Nginx reload${summary.reloads === 1 ? '' : 's'}`;
  return [...table(hosts), `${summary.sentence} (${lasting(summary.took)}, ${reloads})`];
}
