import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Writes on a host's disk (or on what lies below all of them) while it is off. Paths are the host's. */
export class Disk {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  async file(path: string, text: string, mode = 0o644, owner = 0, group = owner): Promise<void> {
    const at = join(this.root, path);
    await mkdir(dirname(at), { recursive: true });
    await writeFile(at, text);
    await chmod(at, mode);
    await chown(at, owner, group);
  }

  async folder(path: string, mode = 0o755, owner = 0, group = owner): Promise<void> {
    const at = join(this.root, path);
    await mkdir(at, { recursive: true });
    await chmod(at, mode);
    await chown(at, owner, group);
  }
}
