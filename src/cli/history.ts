import { safeJson } from '../core/printable.ts';
import { open } from '../open.ts';
import { historyLines, toldLines } from '../tell/history.ts';
import { listHistory, showHistory } from '../verbs/history.ts';

interface HistoryFlags {
  readonly inventory?: string;
  readonly json?: boolean;
  readonly limit: number;
}

/** `orchestrate history`: exit 4 when a balancer could not be asked. */
export async function history(flags: HistoryFlags): Promise<number> {
  const opened = await open(flags.inventory, () => {});
  try {
    const found = await listHistory(opened, flags.limit);
    tell(flags, found, historyLines(found));
    return found.unasked.length > 0 ? 4 : 0;
  } finally {
    await opened.close();
  }
}

/** `orchestrate history show NUMBER`: exit 4 when a balancer could not be asked. */
export async function historyShow(number: number, flags: HistoryFlags): Promise<number> {
  const opened = await open(flags.inventory, () => {});
  try {
    const told = await showHistory(opened, number);
    tell(flags, told, toldLines(told));
    return told.unasked.length > 0 ? 4 : 0;
  } finally {
    await opened.close();
  }
}

function tell({ json }: HistoryFlags, value: unknown, lines: readonly string[]): void {
  process.stdout.write(json === true ? `${safeJson(value, 2)}\n` : `${lines.join('\n')}\n`);
}
