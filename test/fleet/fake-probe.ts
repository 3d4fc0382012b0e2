import type { Probe, ProbeAnswer, ProbeRequest } from '../../src/fleet/ports.ts';

export interface FakeProbe extends Probe {
  /** Every question so far, in order. */
  readonly asked: ProbeRequest[];
}

/** HTTP that answers as the test says. */
export function fakeProbe(answer: (request: ProbeRequest) => ProbeAnswer | Promise<ProbeAnswer>): FakeProbe {
  const asked: ProbeRequest[] = [];
  return {
    asked,
    ask: async (request) => {
      asked.push(request);
      return answer(request);
    },
  };
}

export const answered = (status = 200, body = 'ok'): ProbeAnswer => ({ kind: 'answered', status, body, took: 1 });

export const noAnswer = (reason = 'refused'): ProbeAnswer => ({ kind: 'no answer', reason });
