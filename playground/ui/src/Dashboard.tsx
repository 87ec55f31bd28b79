// A dashboard with edit and save, as Perses shows it.

import { Alert } from '@mui/material';
import type { DashboardResource } from '@perses-dev/core';
import { ViewDashboard } from '@perses-dev/dashboards';
import { ValidationProvider } from '@perses-dev/plugin-system';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { useParams } from 'react-router-dom';
import { call, datasourceApi } from './api';
import { Guarded } from './Guarded';

// 0.54 asks for this one, the versions before do not know it.
const ANNOTATIONS: object = { isAnnotationEnabled: false };

export function Dashboard(): ReactElement {
  const { project = '', dashboard = '' } = useParams();
  const path = `/api/v1/projects/${encodeURIComponent(project)}/dashboards/${encodeURIComponent(dashboard)}`;
  return (
    <Guarded>
      <Loaded path={path} />
    </Guarded>
  );
}

function Loaded({ path }: { path: string }): ReactElement {
  const resource = useQuery(['playground', path], () => call<DashboardResource>(path));
  if (resource.isError) return <Alert severity="error">{String(resource.error)}</Alert>;
  if (!resource.data) return <></>;
  const save = async (changed: unknown) => {
    await call(path, { method: 'PUT', body: JSON.stringify(changed) });
  };
  return (
    <ValidationProvider>
      <ViewDashboard
        {...ANNOTATIONS}
        dashboardResource={resource.data}
        datasourceApi={datasourceApi}
        isReadonly={false}
        isVariableEnabled
        isDatasourceEnabled
        isLeavingConfirmDialogEnabled
        onSave={save as never}
      />
    </ValidationProvider>
  );
}
