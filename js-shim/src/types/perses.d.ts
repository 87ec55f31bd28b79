// The few host modules that we use, in the shapes that Perses 0.52 to 0.54 agree on. They come from the host page at run
// time, so that the build needs no Perses package. Where versions differ the type is loose and `host.ts` probes.

declare module '@perses-dev/plugin-system' {
  import type { ReactElement, ReactNode } from 'react';

  export interface AbsoluteTimeRange {
    start: Date;
    end: Date;
  }
  export function useTimeRange(): {
    /** As chosen: two dates, or "the last hour" with or without a fixed end. */
    timeRange: AbsoluteTimeRange | { pastDuration: string; end?: Date };
    /** The same as two dates; "the last hour" is worked out when it is chosen or refreshed, not each time it is read. */
    absoluteTimeRange: AbsoluteTimeRange;
  };
  export function useSuggestedStepMs(width?: number): number;
  export function TimeRangeProvider(props: {
    timeRange: AbsoluteTimeRange;
    refreshInterval?: string;
    setTimeRange: (value: unknown) => void;
    setRefreshInterval: (value: unknown) => void;
    children?: ReactNode;
  }): ReactElement;
  export function DataQueriesProvider(props: {
    definitions: unknown[];
    options: { suggestedStepMs: number; mode: string };
    children?: ReactNode;
  }): ReactElement;
  export function usePluginRegistry(): {
    listPluginMetadata: (kinds: string[]) => Promise<Array<{ spec: { name: string } }>>;
  };
}

declare module '@perses-dev/dashboards' {
  import type { ReactElement } from 'react';
  export function Panel(props: { definition: unknown; panelOptions?: { hideHeader?: boolean } }): ReactElement;
}

declare module '@emotion/react' {
  /** Whatever theme object the host put into emotion's context: MUI's. */
  export function useTheme(): unknown;
}

interface Window {
  /** Absent in Perses 0.52. */
  PERSES_APP_CONFIG?: { api_prefix?: string };
}

/** Where the bundle's files are, with a trailing slash; set by the federation runtime. */
declare const __webpack_public_path__: string;
