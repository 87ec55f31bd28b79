import { defineConfig } from '@rsbuild/core';
import { pluginReact } from '@rsbuild/plugin-react';
import { laterThan052, pageConfig } from '../../rsbuild.base';

export default defineConfig({
  ...pageConfig(__dirname, "window.PERSES_APP_CONFIG = { api_prefix: '' };", laterThan052(__dirname)),
  plugins: [pluginReact()],
});
