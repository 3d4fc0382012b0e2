import type { Call, RunStep } from '../core/plan.ts';
import type { StepContext } from './context.ts';
import type { Outcome } from '../core/outcome.ts';
import { succeeded } from '../core/outcome.ts';
import { Failed, printable, scriptFailure, tail } from '../core/failure.ts';
import { judge } from '../core/judge.ts';
import { meet } from './again.ts';
import { allEnded } from './all-ended.ts';

/** Runs the step's script on all its hosts at once. Returns what it has to tell. Throws `Failed` for the first host that failed, when all have ended. */
export async function runStep(step: RunStep, context: StepContext): Promise<string | undefined> {
  const text = context.script(step.script);
  if (step.sets !== undefined) context.values.set(step.sets, true);
  const timed = step.input?.replaceAll(/@time:([0-9]+)/g, (_, label: string) => timeOf(label, context));
  const input = timed === undefined ? undefined : (context.unseal?.(timed) ?? timed);
  const outcomes = await allEnded(
    step.calls.map((call) =>
      meet({ host: call.host, say: step.say, fence: step.fence }, context, () =>
        context.remote.run({
          host: call.host,
          name: `orchestrate-${step.script}`,
          text,
          args: step.fence === undefined ? call.args : [...context.fence(step.fence), ...call.args],
          ...(input === undefined ? {} : { input }),
          deadline: step.deadline,
          ...(step.leave === true ? { signal: context.stop } : {}),
          onLine: (line) => context.emit({ type: 'output', host: call.host, line: printable(line) }),
        }),
      ),
    ),
  );
  const ended = step.calls.flatMap((call, index): [Call, Outcome][] => {
    const outcome = outcomes[index];
    return outcome === undefined ? [] : [[call, outcome]];
  });
  if (step.reloads !== undefined) context.counts.reloads += step.reloads;
  for (const [call, outcome] of ended)
    if (!succeeded(outcome)) throw new Failed(scriptFailure(call.host, step.say, outcome, step.hint));
  if (step.judge !== undefined)
    for (const [call, outcome] of ended) {
      const judged = judge(step.judge, outcome.stdout);
      if (!judged.ok)
        throw new Failed({
          host: call.host,
          doing: step.say,
          what: judged.what,
          output: judged.output,
          next: judged.next,
        });
      for (const [name, value] of Object.entries(judged.values)) context.values.set(name, value);
      return judged.note;
    }
  return note(outcomes.map((outcome) => outcome.stdout));
}

function timeOf(label: string, context: StepContext): string {
  const time = context.times.get(label) ?? new Date(context.clock.now()).toISOString();
  context.times.set(label, time);
  return time;
}

/** The last line that a script printed, if a person can read it at a glance. */
function note(outputs: readonly string[]): string | undefined {
  const lines = new Set(outputs.map((output) => tail(output, 1)[0]).filter((line) => line !== undefined));
  const [line] = lines;
  return lines.size === 1 && line !== undefined && line.length <= 160 && !line.startsWith('{') ? line : undefined;
}
