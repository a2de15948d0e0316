// Bundles the tests with esbuild, which knows TypeScript, and runs them with Node's own runner.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const outdir = mkdtempSync(join(tmpdir(), 'wallet-tests-'));
const entryPoints = readdirSync('test').filter((name) => name.endsWith('.test.ts')).map((name) => join('test', name));
await build({
  entryPoints,
  outdir,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node18',
  outExtension: { '.js': '.mjs' },
  logLevel: 'warning',
});
const files = readdirSync(outdir).map((name) => join(outdir, name));
const { status } = spawnSync(process.execPath, ['--test', ...files], { stdio: 'inherit' });
rmSync(outdir, { recursive: true });
process.exit(status ?? 1);
