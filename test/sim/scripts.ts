import { drained, linger, pruneReleases, switching } from './scripts/backend.ts';
import { arm, beforeCanary, follow } from './scripts/canary.ts';
import type { Script } from './scripts/here.ts';
import { fence, lease } from './scripts/lease.ts';
import {
  applicationLog,
  bakeCounts,
  history,
  logTail,
  observeBackend,
  observeBalancer,
  reach,
} from './scripts/observing.ts';
import * as routing from './scripts/routing.ts';
import * as staging from './scripts/staging.ts';

/** By the name of the file in src/remote. */
export const scripts: Readonly<Record<string, Script>> = {
  'observe-balancer': observeBalancer,
  'observe-backend': observeBackend,
  reach,
  'log-tail': logTail,
  history,
  'application-log': applicationLog,
  'bake-counts': bakeCounts,
  'before-canary': beforeCanary,
  follow,
  arm,
  lease,
  fence,
  prepare: routing.prepare,
  flip: routing.flip,
  move: routing.move,
  configuration: routing.configuration,
  quiesce: routing.quiesce,
  reload: routing.reload,
  'old-workers': routing.oldWorkers,
  awaiting: routing.awaiting,
  drained,
  switch: switching,
  linger,
  'prune-releases': pruneReleases,
  preflight: staging.preflight,
  'receive-source': staging.receiveSource,
  virtualenv: staging.virtualenv,
  build: staging.build,
  pack: staging.pack,
  unpack: staging.unpack,
  rehearse: staging.rehearse,
  'pack-static': staging.packStatic,
  'publish-static': staging.publishStatic,
  'prune-static': staging.pruneStatic,
  migrations: staging.migrations,
  migrate: staging.migrate,
  'one-way': staging.oneWay,
};
