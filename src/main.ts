#!/usr/bin/env node
import module from 'node:module';

const NEEDS = 24;
if (Number(process.versions.node.split('.')[0]) < NEEDS) {
  process.stderr.write(`orchestrate needs Node ${NEEDS} or later; this is ${process.version} (${process.execPath}).\n`);
  process.exit(2);
}
// Compiling what is imported takes most of the time of a short command.
module.enableCompileCache();
const { main } = await import('./cli/program.ts');
process.exitCode = await main(process.argv.slice(2));
