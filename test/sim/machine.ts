import type { Time } from './time.ts';

/** What a script waits for. */
export type Wait =
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'lock'; readonly folder: string; readonly patience: number }
  | { readonly kind: 'input' };

/** A script under way: it goes on where it stopped once what it waits for has come. What it returns it has printed. */
export type Steps<T = string> = Generator<Wait, T, unknown>;

/** `die` of common.sh. */
export class Died extends Error {
  readonly code: number;
  readonly stdout: string;
  constructor(code: number, words: string, stdout = '') {
    super(words);
    this.code = code;
    this.stdout = stdout;
  }
}

export interface Exit {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Fence {
  readonly token: number;
  readonly sequence: number;
  readonly holder: string;
}

/** A host: its power, its wire, its clock since boot, its locks and fences. What is on its disk outlives a power cut, what runs does not. */
export class Machine {
  readonly name: string;
  readonly time: Time;
  /** It has power and has booted. */
  up = true;
  /** The operators' network reaches it. */
  wired = true;
  /** Not a byte can be written. */
  full = false;
  /** It has no memory for a second application. */
  crowded = false;
  readonly fences = new Map<string, Fence>();
  #boot = 1;
  #bootedAt = -1_000_000;
  readonly #runs = new Set<Run>();
  readonly #locks = new Map<string, Run>();
  readonly #waiting: { readonly folder: string; readonly run: Run; readonly leave: () => void }[] = [];

  constructor(name: string, time: Time) {
    this.name = name;
    this.time = time;
  }

  get boot(): string {
    return `b${this.#boot}`;
  }

  /** Seconds. */
  get uptime(): number {
    return (this.time.now - this.#bootedAt) / 1000;
  }

  get reachable(): boolean {
    return this.up && this.wired;
  }

  /** Every process ends where it is; nothing of it is tidied up. */
  powerCut(): void {
    this.up = false;
    for (const run of [...this.#runs]) run.vanish();
  }

  powerOn(): void {
    this.up = true;
    this.#boot += 1;
    this.#bootedAt = this.time.now;
  }

  start(script: Steps, ended: (exit: Exit) => void): Run {
    const run = new Run(this, script, ended);
    this.#runs.add(run);
    return run;
  }

  left(run: Run): void {
    this.#runs.delete(run);
    for (const [folder, holder] of this.#locks) {
      if (holder !== run) continue;
      this.#locks.delete(folder);
      const at = this.#waiting.findIndex((each) => each.folder === folder);
      const [next] = at < 0 ? [] : this.#waiting.splice(at, 1);
      next?.leave();
      if (next !== undefined) this.#grant(folder, next.run);
    }
    for (const each of this.#waiting.filter((other) => other.run === run)) {
      each.leave();
      this.#waiting.splice(this.#waiting.indexOf(each), 1);
    }
  }

  lock(folder: string, patience: number, run: Run): void {
    if (!this.#locks.has(folder)) {
      this.#grant(folder, run);
      return;
    }
    const leave = this.time.after(patience, () => {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      run.go(false);
    });
    const waiting = { folder, run, leave };
    this.#waiting.push(waiting);
  }

  #grant(folder: string, run: Run): void {
    this.#locks.set(folder, run);
    this.time.after(0, () => run.go(true));
  }
}

/** One run of a script on a machine. */
export class Run {
  readonly #machine: Machine;
  readonly #script: Steps;
  readonly #ended: (exit: Exit) => void;
  /** undefined: not whole yet; null: it broke off. */
  #input: string | null | undefined;
  #awaits = false;
  #over = false;
  /** Milliseconds by which its next wait is longer: it hangs there, whoever may have gone away meanwhile. */
  stall = 0;

  constructor(machine: Machine, script: Steps, ended: (exit: Exit) => void) {
    this.#machine = machine;
    this.#script = script;
    this.#ended = ended;
  }

  get over(): boolean {
    return this.#over;
  }

  give(text: string | null): void {
    if (this.#input !== undefined) return;
    this.#input = text;
    if (this.#awaits) this.go(text);
  }

  /** Killed, without a trap. */
  vanish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#machine.left(this);
  }

  go(value?: unknown): void {
    if (this.#over) return;
    this.#awaits = false;
    let exit: Exit;
    try {
      const { done, value: next } = this.#script.next(value);
      if (done !== true) {
        this.#wait(next);
        return;
      }
      exit = { code: 0, stdout: next, stderr: '' };
    } catch (error) {
      if (!(error instanceof Died)) throw error;
      exit = { code: error.code, stdout: error.stdout, stderr: `${error.message}\n` };
    }
    this.#over = true;
    this.#machine.left(this);
    this.#ended(exit);
  }

  #wait(wait: Wait): void {
    switch (wait.kind) {
      case 'time': {
        const { stall } = this;
        this.stall = 0;
        this.#machine.time.after(wait.ms + stall, () => this.go());
        return;
      }
      case 'lock':
        this.#machine.lock(wait.folder, wait.patience, this);
        return;
      case 'input':
        if (this.#input === undefined) this.#awaits = true;
        else this.#machine.time.after(0, () => this.go(this.#input));
    }
  }
}

export function* takes(ms: number): Steps<void> {
  yield { kind: 'time', ms };
}

/** Standard input, once all of it has come; null when it broke off. */
export function* input(): Steps<string | null> {
  return (yield { kind: 'input' }) as string | null;
}

/** `fenced` of common.sh, which waits so many seconds for the lock. Returns what was seen before. */
export function* fenced(
  machine: Machine,
  [folder = '', token = '', sequence = '', holder = '']: readonly string[],
  seconds = 50,
): Steps<Fence> {
  const got = yield { kind: 'lock', folder, patience: seconds * 1000 };
  if (got !== true) throw new Died(76, `another script holds ${folder}/lock for more than ${seconds} s`);
  const seen = machine.fences.get(folder) ?? { token: 0, sequence: 0, holder: '-' };
  const mine = { token: Number(token), sequence: Number(sequence), holder };
  if (
    mine.token < seen.token ||
    (mine.token === seen.token && (mine.holder !== seen.holder || mine.sequence <= seen.sequence))
  )
    throw new Died(
      75,
      `token ${token} step ${sequence} of ${holder} comes after token ${seen.token} step ${seen.sequence} of ${seen.holder}: another operator has taken over`,
    );
  if (machine.full) throw new Died(78, `cannot write ${folder}/fence: 0 kB are free there`);
  machine.fences.set(folder, mine);
  yield* takes(4);
  return seen;
}
