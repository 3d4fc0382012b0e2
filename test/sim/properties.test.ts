import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { properties } from './properties.ts';
import type { Asked } from './worker.ts';

/** Stories of each property. SIM_SEED and SIM_PATH, as a failure tells them, show it again; SIM_SHRINK=0 leaves it as it was found. */
const RUNS = Number(process.env['SIM_RUNS'] ?? 30);
const THREADS = 2;

for (const name of Object.keys(properties) as (keyof typeof properties)[])
  test(name, { timeout: 1_800_000 }, async (t) => {
    const began = performance.now();
    const { SIM_SEED: seed, SIM_PATH: path } = process.env;
    const asked = (thread: number): Asked => ({
      name,
      runs: Math.ceil(RUNS / THREADS),
      seed: seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed) + thread,
      ...(path === undefined ? {} : { path }),
    });
    const threads = Array.from({ length: path === undefined ? THREADS : 1 }, async (_, thread) => {
      const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: asked(thread) });
      const [said] = (await once(worker, 'message')) as [string];
      return said;
    });
    const failed = (await Promise.all(threads)).filter(Boolean);
    const took = (performance.now() - began) / 1000;
    t.diagnostic(`${RUNS} stories in ${took.toFixed(1)} s`);
    if (failed.length > 0) assert.fail(failed.join('\n'));
  });
