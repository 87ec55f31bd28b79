import { defineConfig } from '@rsbuild/core';
import { pluginReact } from '@rsbuild/plugin-react';
import { pageConfig } from '../../rsbuild.base';

// Perses 0.52 has no PERSES_APP_CONFIG.
export default defineConfig({ ...pageConfig(__dirname, ''), plugins: [pluginReact()] });
