// The few calls of Perses' REST API that the page needs, and whether somebody is signed in.

import type { DatasourceStoreProviderProps } from '@perses-dev/dashboards';

// At 0.52 `@perses-dev/core` exports no such types.
type DatasourceApi = DatasourceStoreProviderProps['datasourceApi'];
type GlobalDatasource = Awaited<ReturnType<DatasourceApi['listGlobalDatasources']>>[number];
type Datasource = Awaited<ReturnType<DatasourceApi['listDatasources']>>[number];

/** A refused call, with Perses' own words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export async function call<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await fetch(path, { ...init, headers: { 'Content-Type': 'application/json', ...init?.headers } });
  if (!response.ok) throw new ApiError(response.status, (await response.text()) || `HTTP ${response.status}`);
  return (await response.json()) as T;
}

export function isSignedIn(): boolean {
  return document.cookie.split('; ').some((cookie) => cookie.startsWith('jwtPayload='));
}

export async function signIn(login: string, password: string): Promise<void> {
  await call('/api/auth/providers/native/login', { method: 'POST', body: JSON.stringify({ login, password }) });
}

/** Whether this Perses asks for a login at all. */
export async function needsSignIn(): Promise<boolean> {
  const config = await call<{ security?: { enable_auth?: boolean } }>('/api/config');
  return config.security?.enable_auth ?? false;
}

type Named = { metadata: { name: string } };

/** The server's `name` filter takes prefixes: compare exactly. */
function pick<T extends Named>(found: T[], name: string | undefined): T | undefined {
  return name ? found.find((item) => item.metadata.name === name) : found[0];
}

function query(kind: string | undefined, selector?: { name?: string }): string {
  const parameters = new URLSearchParams();
  if (kind) parameters.set('kind', kind);
  if (selector) parameters.set(selector.name ? 'name' : 'default', selector.name ?? 'true');
  return parameters.toString();
}

const global = '/api/v1/globaldatasources';
const of = (project: string) => `/api/v1/projects/${encodeURIComponent(project)}/datasources`;

export const datasourceApi: DatasourceApi = {
  buildProxyUrl: ({ project, dashboard, name }) => {
    const scope = dashboard
      ? `projects/${project}/dashboards/${dashboard}/datasources`
      : project
        ? `projects/${project}/datasources`
        : 'globaldatasources';
    return `/proxy/${scope}/${encodeURIComponent(name)}`;
  },
  getGlobalDatasource: async (selector) =>
    pick<GlobalDatasource>(await call(`${global}?${query(selector.kind, selector)}`), selector.name),
  listGlobalDatasources: (kind) => call(`${global}?${query(kind)}`),
  getDatasource: async (project, selector) =>
    pick<Datasource>(await call(`${of(project)}?${query(selector.kind, selector)}`), selector.name),
  listDatasources: (project, kind) => call(`${of(project)}?${query(kind)}`),
};
