// What the sets share. A set's config gives its own folder, so that `src/` resolves packages from that set.
import { join } from 'node:path';

/** `alias` and `config` are what differs in a set. */
export function pageConfig(setFolder: string, appConfig: string, alias: Record<string, string> = {}) {
  const ui = join(setFolder, '..', '..');
  const target = process.env.PERSES_URL ?? 'http://127.0.0.1:8090';
  return {
    source: { entry: { index: join(ui, 'src', 'main.tsx') } },
    resolve: { alias },
    html: { template: join(ui, 'index.html'), templateParameters: { appConfig } },
    output: {
      distPath: { root: process.env.PAGE_DIST ?? join(ui, 'dist') },
      cleanDistPath: true,
      assetPrefix: '/',
      legalComments: 'none' as const,
      sourceMap: { js: false as const, css: false },
    },
    performance: { printFileSize: { total: true, detail: false } },
    tools: {
      rspack: {
        resolve: { modules: [join(setFolder, 'node_modules'), 'node_modules'] },
        // Some packages say `"type": "commonjs"` and ship ES modules as .js all the same.
        module: { rules: [{ test: /\.js$/, include: /node_modules/, type: 'javascript/auto' as const }] },
      },
    },
    server: {
      htmlFallback: 'index' as const,
      proxy: { '/api': target, '/proxy': target, '/plugins': target, '/persai': target },
    },
  };
}

/** Gives the Table plugin of the 0.52 line what later hosts lack: `sets/shims/core-with-transform.js`. */
export function laterThan052(setFolder: string): Record<string, string> {
  return {
    '@perses-dev/core$': join(setFolder, '..', 'shims', 'core-with-transform.js'),
    'perses-core-real$': join(setFolder, 'node_modules', '@perses-dev', 'core', 'dist', 'index.js'),
  };
}
