// The one file that knows how versions of Perses differ, by probing what is there instead of asking for a version.

import { useTheme } from '@emotion/react';
import * as pluginSystem from '@perses-dev/plugin-system';
import { useEffect, useState } from 'react';
import type { HostEnv, TimeRange } from './generated/view';

/** `window.PERSES_APP_CONFIG` is absent in Perses 0.52. */
export function apiPrefix(): string {
  return (window.PERSES_APP_CONFIG?.api_prefix ?? '').replace(/\/+$/, '');
}

export function hostEnv(timeRange: TimeRange): HostEnv {
  return {
    apiPrefix: apiPrefix(),
    pluginBase: new URL(__webpack_public_path__, window.location.href).href,
    origin: window.location.origin,
    timeRange,
    utcOffsetMinutes: utcOffsetMinutes(),
  };
}

/** Minutes to add to UTC; the browser's zone, since Perses' Prometheus plugin aligns by it. */
export function utcOffsetMinutes(): number {
  return -new Date().getTimezoneOffset();
}

/** Perses' own sign-in page, which leads back here. */
export function signInUrl(): string {
  const here = window.location.pathname + window.location.search;
  return `${apiPrefix()}/sign-in?rd=${encodeURIComponent(here)}`;
}

export interface HostTimeRange extends TimeRange {
  /** "The last hour": its end moves on with the clock. */
  endsNow: boolean;
}

export function useHostTimeRange(): HostTimeRange {
  const { timeRange, absoluteTimeRange } = pluginSystem.useTimeRange();
  return {
    startMs: absoluteTimeRange.start.getTime(),
    endMs: absoluteTimeRange.end.getTime(),
    endsNow: 'pastDuration' in timeRange && timeRange.end === undefined,
  };
}

/** The range as it is now: Perses works out "the last hour" only when it is chosen or refreshed. */
export function rangeNow({ startMs, endMs, endsNow }: HostTimeRange): TimeRange {
  const now = Date.now();
  return endsNow ? { startMs: now - (endMs - startMs), endMs: now } : { startMs, endMs };
}

/** Milliseconds between points that suit a chart of `width` CSS pixels in the page's time range. */
export function useHostStepMs(width: number): number {
  return pluginSystem.useSuggestedStepMs(width);
}

/** The kinds of panels that the host has, or undefined until it is known. */
export function useHostPanelKinds(): readonly string[] | undefined {
  const { listPluginMetadata } = pluginSystem.usePluginRegistry();
  const [kinds, setKinds] = useState<readonly string[]>();
  useEffect(() => {
    let gone = false;
    listPluginMetadata(['Panel']).then(
      (plugins) => {
        if (!gone) setKinds(plugins.map((plugin) => plugin.spec.name));
      },
      (error: unknown) => console.warn('PersAI: the list of panel kinds can’t be had', error),
    );
    return () => {
      gone = true;
    };
  }, [listPluginMetadata]);
  return kinds;
}

/**
 * What `DataQueriesProvider` takes as `definitions`: since 0.54 whole queries, before that the queries' plugins.
 * `useAlertsQueries` came with the new form.
 */
export function queryDefinitions(panel: unknown): unknown[] {
  const queries = (panel as { spec?: { queries?: Array<{ spec: { plugin: unknown } }> } }).spec?.queries ?? [];
  return 'useAlertsQueries' in pluginSystem ? queries : queries.map((query) => query.spec.plugin);
}

export interface HostColours {
  dark: boolean;
  variables: Record<string, string>;
}

interface MuiPalette {
  mode?: string;
  background?: { default?: string; paper?: string };
  text?: { primary?: string; secondary?: string };
  divider?: string;
  primary?: { main?: string; contrastText?: string };
  error?: { main?: string };
  warning?: { main?: string };
  success?: { main?: string };
}

/** The host's theme as CSS variables. MUI puts its theme into emotion's context, which is shared with us. */
export function useHostColours(): HostColours {
  const palette = (useTheme() as { palette?: MuiPalette }).palette ?? {};
  const dark = palette.mode === 'dark';
  return {
    dark,
    variables: {
      '--persai-page': palette.background?.default ?? (dark ? '#16181d' : '#ffffff'),
      '--persai-paper': palette.background?.paper ?? (dark ? '#1f2229' : '#ffffff'),
      '--persai-text': palette.text?.primary ?? (dark ? '#e8eaf0' : '#1b1f2a'),
      '--persai-quiet': palette.text?.secondary ?? (dark ? '#a9b0c0' : '#545b6b'),
      '--persai-line': palette.divider ?? (dark ? '#3a3f4b' : '#d9dce3'),
      '--persai-accent': palette.primary?.main ?? (dark ? '#7fb0ff' : '#1a56c4'),
      '--persai-on-accent': palette.primary?.contrastText ?? (dark ? '#0b1020' : '#ffffff'),
      '--persai-bad': palette.error?.main ?? (dark ? '#ff8a80' : '#b3261e'),
      '--persai-warn': palette.warning?.main ?? (dark ? '#ffcc80' : '#8a5300'),
      '--persai-good': palette.success?.main ?? (dark ? '#8fd694' : '#1b7a35'),
    },
  };
}
