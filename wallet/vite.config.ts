// One page, one script, one style, a chunk for each language; then the service worker that knows all of
// them by name, and every file once more compressed.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { type Plugin, defineConfig } from 'vite';

/** The budget of everything that a phone loads, compressed. */
const COMPRESSED_MAX = 120 * 1024;

const COMPRESSIBLE = /\.(html|js|css|json|svg|webmanifest)$/;

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

function finish(): Plugin {
  let folder = '';
  return {
    name: 'finish',
    apply: 'build',
    configResolved(config) {
      folder = config.build.outDir;
    },
    closeBundle() {
      const files = filesBelow(folder).sort();
      const hash = createHash('sha256');
      for (const file of files) hash.update(file).update(readFileSync(file));
      const names = files.map((file) => `./${relative(folder, file)}`).filter((name) => name !== './index.html');
      buildSync({
        entryPoints: ['src/sw.ts'],
        bundle: true,
        minify: true,
        format: 'iife',
        target: 'es2022',
        outfile: join(folder, 'sw.js'),
        define: {
          __FILES__: JSON.stringify(names),
          __VERSION__: JSON.stringify(hash.digest('hex').slice(0, 12)),
        },
      });
      let compressed = 0;
      for (const file of filesBelow(folder)) {
        const plain = readFileSync(file);
        if (!COMPRESSIBLE.test(file)) {
          compressed += plain.length;
          continue;
        }
        const small = gzipSync(plain, { level: 9 });
        writeFileSync(`${file}.gz`, small);
        compressed += small.length;
      }
      if (compressed > COMPRESSED_MAX) throw new Error(`${compressed} bytes compressed, at most ${COMPRESSED_MAX}`);
      console.log(`wallet: ${compressed} bytes compressed`);
    },
  };
}

export default defineConfig({
  base: './',
  plugins: [finish()],
  build: { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
});
