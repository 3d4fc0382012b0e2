const MINUTE = 60_000;

/** `40 seconds`, `14 minutes`, `3 h 5 min`, `4 days`, rounded up where nothing else is said. */
export function lengthText(ms: number, round: (value: number) => number = Math.ceil): string {
  if (ms < MINUTE) return count(round(ms / 1000), 'second');
  const minutes = round(ms / MINUTE);
  if (minutes < 120) return count(minutes, 'minute');
  const hours = Math.floor(minutes / 60);
  if (hours < 72) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return count(round(ms / (24 * 60 * MINUTE)), 'day');
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
