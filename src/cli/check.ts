import { reportLines } from '../core/checks.ts';
import { safeJson } from '../core/printable.ts';
import { open } from '../open.ts';
import { checkFleet } from '../verbs/check.ts';

/** `orchestrate check`: exit 0 when nothing is missing, else 3. */
export async function check(flags: { readonly inventory?: string; readonly json?: boolean }): Promise<number> {
  const opened = await open(flags.inventory, () => {});
  try {
    const report = await checkFleet(opened);
    process.stdout.write(flags.json === true ? `${safeJson(report, 2)}\n` : `${reportLines(report).join('\n')}\n`);
    return report.exit;
  } finally {
    await opened.close();
  }
}
