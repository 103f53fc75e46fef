/* Bundles the tests and runs them with Node's own runner.   node tests/run.mjs */
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';

const here = new URL('.', import.meta.url).pathname;
const files = (await readdir(here)).filter((f) => f.endsWith('.test.ts'));
await build({ entryPoints: files.map((f) => here + f), bundle: true, platform: 'node', format: 'esm', target: 'node18', outdir: `${here}../out`, outExtension: { '.js': '.mjs' } });
process.exit(spawnSync(process.execPath, ['--test', ...files.map((f) => `${here}../out/${f.replace('.ts', '.mjs')}`)], {
    stdio: 'inherit', env: { ...process.env, VECTORS: `${here}../../tests/vectors` },
}).status ?? 1);
