import { pipeline } from 'node:stream/promises';
import { PassThrough, type Readable } from 'node:stream';
import type { Call, PutStep } from '../core/plan.ts';
import type { StepContext } from './context.ts';
import { succeeded } from '../core/outcome.ts';
import { bytes } from '../core/bytes.ts';
import { Failed, printable, scriptFailure, type Failure } from '../core/failure.ts';
import { fanOut } from '../fleet/fan-out.ts';
import { allEnded } from './all-ended.ts';
import { connectFailure } from './connect-failure.ts';

/**
 * Streams bytes from here or from one host to all hosts of the step at once; nothing is kept in memory or on the operator's disk.
 * The receiving script knows length and digest and takes nothing that arrived short. Returns how much was sent.
 */
export async function putStep(step: PutStep, context: StepContext): Promise<string | undefined> {
  const { input, outputs } = fanOut(step.calls.length);
  let sent = 0;
  const counted = new PassThrough();
  counted.on('data', (chunk: Uint8Array) => (sent += chunk.length));
  const flow = pipeline(counted, input).then(
    () => undefined,
    (error: unknown) => error,
  );
  const sending = send(step, context, counted, () => outputs.every(({ destroyed }) => destroyed));
  const receiving = allEnded(step.calls.map((call, index) => receive(step, call, outputs[index], context))).then(
    (ends) => {
      const failures = ends.filter((failure) => failure !== undefined);
      // With nobody left to receive, the source is not to go on.
      if (failures.length === step.calls.length) counted.destroy();
      return failures;
    },
  );
  await allEnded<unknown>([sending, receiving, flow]);
  const [source, failed] = [await sending, await receiving];
  // Whoever broke the stream breaks it for the other end too: what the other end then says is no news.
  const [first] = source?.own === true || failed.length === 0 ? [source?.failure] : failed;
  if (first !== undefined) throw new Failed(first);
  return `${bytes(sent)} to ${step.calls.length === 1 ? 'it' : `each of ${step.calls.length} hosts`}`;
}

/** undefined: it has all. */
async function receive(
  step: PutStep,
  call: Call,
  input: Readable | undefined,
  context: StepContext,
): Promise<Failure | undefined> {
  try {
    const outcome = await context.remote.run({
      host: call.host,
      name: `orchestrate-${step.script}`,
      text: context.script(step.script),
      args: [...context.fence(step.fence), ...call.args],
      ...(input === undefined ? {} : { input }),
      deadline: step.deadline,
      onLine: (line) => context.emit({ type: 'output', host: call.host, line: printable(line) }),
    });
    return succeeded(outcome) ? undefined : scriptFailure(call.host, step.say, outcome);
  } catch (error) {
    return connectFailure(error, step.say);
  } finally {
    // Whoever has ended holds up nobody.
    input?.destroy();
  }
}

/** Why not all was sent. `own`: it failed by itself, and not because nobody was left to receive. */
interface Unsent {
  readonly failure: Failure;
  readonly own: boolean;
}

function send(
  step: PutStep,
  context: StepContext,
  into: PassThrough,
  nobody: () => boolean,
): Promise<Unsent | undefined> {
  return step.from.kind === 'source'
    ? sendCommit(step.from.commit, step, context, into, nobody)
    : sendFrom(step.from, step, context, into);
}

async function sendCommit(
  commit: string,
  step: PutStep,
  context: StepContext,
  into: PassThrough,
  nobody: () => boolean,
): Promise<Unsent | undefined> {
  let own = true;
  try {
    const source = await context.archive(commit);
    source.once('error', () => (own = !nobody()));
    await pipeline(source, into);
    return undefined;
  } catch (error) {
    into.destroy();
    const failure = {
      host: 'this machine',
      doing: step.say,
      what: `could not read the source: ${error instanceof Error ? error.message : String(error)}`,
      output: [],
      next: 'Look at the repository that build.source names.',
    };
    return { failure, own };
  }
}

async function sendFrom(
  { host, script, args }: Extract<PutStep['from'], { kind: 'host' }>,
  step: PutStep,
  context: StepContext,
  into: PassThrough,
): Promise<Unsent | undefined> {
  try {
    const outcome = await context.remote.run({
      host,
      name: `orchestrate-${script}`,
      text: context.script(script),
      args,
      output: into,
      deadline: step.deadline,
    });
    if (succeeded(outcome)) return undefined;
    const cut = outcome.kind === 'lost' && outcome.reason.startsWith('its output');
    return { failure: scriptFailure(host, step.say, outcome), own: !cut };
  } catch (error) {
    const failure = connectFailure(error, step.say);
    into.destroy();
    return { failure, own: true };
  }
}
