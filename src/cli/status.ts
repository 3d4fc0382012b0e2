import { safeJson } from '../core/printable.ts';
import { open } from '../open.ts';
import { lookAtFleet } from '../verbs/status.ts';
import { statusLines } from '../tell/status.ts';

/** `orchestrate status` */
export async function status(flags: {
  readonly inventory?: string;
  readonly json?: boolean;
  readonly hosts?: string;
  readonly zone?: string;
}): Promise<number> {
  const opened = await open(flags.inventory, () => {});
  try {
    const found = await lookAtFleet(opened, flags);
    process.stdout.write(flags.json === true ? `${safeJson(found, 2)}\n` : `${statusLines(found).join('\n')}\n`);
    return found.exit;
  } finally {
    await opened.close();
  }
}
