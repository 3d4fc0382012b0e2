#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// Compiling what is imported takes most of the time of a short command.
enableCompileCache();
const { main } = await import('./cli/program.ts');
process.exitCode = await main(process.argv.slice(2));
