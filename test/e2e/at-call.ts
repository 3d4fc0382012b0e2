/**
 * Put before the program (`node --import at-call.ts src/main.ts …`), so that a test meets it at one of its calls on hosts, whichever it
 * wants, and nothing for that stands in the program itself. A call is a script by its name, of lease.sh with its action, and the how
 * manieth of its name: `flip 2`.
 *   AT_CALL_LOG FILE               each moment of each call is written there, a line `MOMENT SCRIPT NUMBER MILLISECONDS`
 *   AT_CALL MOMENT SCRIPT NUMBER [MILLISECONDS]
 *                                  before: nothing of it is sent, and calls of that script on other hosts have ended; within: so long
 *                                  after the host has accepted it; after: it has ended, and the program does not know it yet
 *   AT_CALL_DO kill                the program ends there, by SIGKILL
 *              hold FILE           it stands still there, all of it, until FILE is gone; FILE is made when that begins
 */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { Client, type ClientCallback, type ExecOptions } from 'ssh2';

type Moment = 'before' | 'within' | 'after';

const { AT_CALL: at = '', AT_CALL_DO: deed = '', AT_CALL_LOG: log } = process.env;
const [wantedMoment, wantedScript, wantedNumber, wait = '0'] = at.split(' ');
const counts = new Map<string, number>();
/** Calls of the script that is waited for which have been sent and have not ended. */
let atWork = 0;
/** Meets the call that is held back until they have. */
let whenEnded: (() => void) | undefined;
const began = performance.now();

/** The script that a command line runs: its name stands behind the text, its arguments behind its name. */
function scriptOf(line: string): string {
  const [, name = 'other', first] = /' 'orchestrate-([a-z-]+)'(?: '([^']*)')?/.exec(line) ?? [];
  return name === 'lease' ? `lease-${first ?? ''}` : name;
}

function reached(moment: Moment, script: string, number: number): void {
  if (log !== undefined)
    appendFileSync(log, `${moment} ${script} ${number} ${Math.round(performance.now() - began)}\n`);
  if (moment !== wantedMoment || script !== wantedScript || number !== Number(wantedNumber)) return;
  const [verb, file = ''] = deed.split(' ');
  if (verb === 'kill') process.kill(process.pid, 'SIGKILL');
  if (verb !== 'hold') return;
  writeFileSync(file, '');
  const still = new Int32Array(new SharedArrayBuffer(4));
  while (existsSync(file)) Atomics.wait(still, 0, 0, 5);
}

// oxlint-disable-next-line typescript/unbound-method -- it is called with its own `this`
const exec = Client.prototype.exec;
Client.prototype.exec = function (
  this: Client,
  line: string,
  ...rest: [ClientCallback] | [ExecOptions, ClientCallback]
) {
  const script = scriptOf(line);
  const number = (counts.get(script) ?? 0) + 1;
  counts.set(script, number);
  const done = rest.at(-1) as ClientCallback;
  let counted = false;
  const ended = (): void => {
    if (!counted) return;
    counted = false;
    if (--atWork > 0 || whenEnded === undefined) return;
    const held = whenEnded;
    whenEnded = undefined;
    held();
  };
  const send = (): void => {
    if (script === wantedScript) {
      counted = true;
      atWork += 1;
      // A call ends with its connection too, and then nobody says so of the call itself.
      this.once('close', ended);
    }
    try {
      exec.call(this, line, (error, channel) => {
        if (error === undefined) {
          setTimeout(() => reached('within', script, number), Number(wait));
          channel.prependListener('close', () => {
            reached('after', script, number);
            ended();
          });
        } else ended();
        done(error, channel);
      });
    } catch (error) {
      ended();
      throw error;
    }
  };
  const begin = (): void => {
    reached('before', script, number);
    send();
  };
  if (`before ${script} ${number}` === `${wantedMoment} ${wantedScript} ${wantedNumber}` && atWork > 0)
    whenEnded = begin;
  else begin();
  return this;
};
