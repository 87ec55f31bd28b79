import { pluginModuleFederation } from '@module-federation/rsbuild-plugin';
import { defineConfig } from '@rsbuild/core';

/** A module that the host page brings; nothing of it is bundled, whatever its version. */
const fromHost = { singleton: true, requiredVersion: false, import: false } as const;

// `assetPrefix: 'auto'` and no `getPublicPath`: the runtime finds our files from the manifest's URL. A `getPublicPath` string
// would go through `new Function`, which a content security policy may forbid.
export default defineConfig({
  source: { entry: { main: './src/index.ts' } },
  output: {
    assetPrefix: 'auto',
    cleanDistPath: true,
    distPath: {
      root: 'dist',
      js: '__mf/js',
      css: '__mf/css',
      wasm: '__mf/wasm',
      assets: '__mf/assets',
      media: '__mf/media',
      image: '__mf/image',
      svg: '__mf/svg',
      font: '__mf/font',
    },
    filenameHash: true,
    legalComments: 'none',
    polyfill: 'off',
    sourceMap: { js: false, css: false },
  },
  performance: { chunkSplit: { strategy: 'custom', splitChunks: false } },
  tools: {
    htmlPlugin: false,
    swc: { jsc: { transform: { react: { runtime: 'classic' } } } },
    rspack: (config, { rspack, appendPlugins }) => {
      config.output = { ...config.output, publicPath: 'auto', uniqueName: 'PersAI' };
      // The federation container is the only entry; the one that Rsbuild wants would double the runtime.
      config.entry = {};
      // The federation runtime in its ES module form, of which the bundler can leave out what we do not use.
      appendPlugins(
        new rspack.NormalModuleReplacementPlugin(/@module-federation[\\/].+\.cjs$/, (module) => {
          const data = module.createData;
          if (data?.resource) data.resource = data.resource.replace(/\.cjs$/, '.js');
          else module.request = module.request.replace(/\.cjs$/, '.js');
        }),
      );
    },
  },
  plugins: [
    pluginModuleFederation({
      name: 'PersAI',
      filename: '__mf/js/PersAI.[contenthash:8].js',
      exposes: { './PersAIExplorer': './src/PersAIExplorer.tsx' },
      shared: {
        react: fromHost,
        '@emotion/react': fromHost,
        '@perses-dev/dashboards': fromHost,
        '@perses-dev/plugin-system': fromHost,
      },
      dts: false,
      manifest: true,
      // We consume no remotes, so the runtime needs neither their snapshots nor node's loader.
      experiments: { optimization: { disableSnapshot: true, disableRemote: true, target: 'web' } },
    }),
  ],
});
