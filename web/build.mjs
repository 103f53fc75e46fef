/* Builds the page into dist/ (Node.js 18 or newer): one script, one style, both with the hash of their content in the name, and everything compressed
 * beside the plain file, as myturnd serves it.   node build.mjs */
import { build } from 'esbuild';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const here = new URL('.', import.meta.url).pathname;
const out = `${here}dist`, next = `${here}dist.new`;

/* JsSIP speaks to a stand-in for the browser's peer connection (src/app/bridge.ts), and logs nothing. */
const silence = {
    name: 'silence',
    setup(b) {
        b.onResolve({ filter: /^debug$/ }, () => ({ path: 'debug', namespace: 'silent' }));
        b.onLoad({ filter: /.*/, namespace: 'silent' }, () => ({ contents: 'const make = () => { const f = () => {}; f.enabled = false; return f; }; make.default = make; make.__esModule = true; module.exports = make;' }));
    },
};

await rm(next, { recursive: true, force: true });
await mkdir(next);
const result = await build({
    entryPoints: [`${here}src/main.ts`, `${here}src/style.css`],
    bundle: true, minify: true, format: 'esm', target: ['es2022'], metafile: true, charset: 'utf8', legalComments: 'none',
    outdir: next, entryNames: '[name]-0[hash]', inject: [`${here}src/app/bridge.ts`], plugins: [silence], external: ['/icon.svg'], logLevel: 'warning',
});
const made = Object.keys(result.metafile.outputs).map((p) => basename(p));
const named = (ending) => made.find((n) => n.endsWith(ending)) ?? '';
const html = await readFile(`${here}static/index.html`, 'utf8');
await writeFile(`${next}/index.html`, html.replace('{{css}}', named('.css')).replace('{{js}}', named('.js')));
await writeFile(`${next}/icon.svg`, await readFile(`${here}static/icon.svg`));

let sum = 0;
for (const name of await readdir(next)) {
    const data = await readFile(`${next}/${name}`);
    const gz = gzipSync(data, { level: 9 });
    await writeFile(`${next}/${name}.gz`, gz);
    await writeFile(`${next}/${name}.br`, brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: data.length } }));
    sum += gz.length;
}
await rm(out, { recursive: true, force: true });
await rename(next, out);
console.log(`dist: ${(sum / 1024).toFixed(1)} KiB as sent with gzip`);
