// Theme, header and the providers that every page of Perses has.

import { AppBar, Box, Button, CssBaseline, ThemeProvider, Toolbar, Typography } from '@mui/material';
import { ChartsProvider, generateChartsTheme, getTheme, SnackbarProvider } from '@perses-dev/components';
import { PluginRegistry, ReactRouterProvider, remotePluginLoader } from '@perses-dev/plugin-system';
import { type ReactElement, useMemo, useState } from 'react';
import { Link, Outlet } from 'react-router-dom';
import { QueryParamProvider } from 'use-query-params';
import { ReactRouter6Adapter } from 'use-query-params/adapters/react-router-6';

type Mode = 'dark' | 'light';

// No argument suits all versions: its form differs.
const loader = remotePluginLoader();

function firstMode(): Mode {
  const asked = new URLSearchParams(window.location.search).get('mode');
  if (asked !== null) localStorage.setItem('mode', asked);
  return localStorage.getItem('mode') === 'dark' ? 'dark' : 'light';
}

export function Layout(): ReactElement {
  const [mode, setMode] = useState<Mode>(firstMode);
  const theme = useMemo(() => getTheme(mode), [mode]);
  const chartsTheme = useMemo(() => generateChartsTheme(theme, {}), [theme]);
  const other = mode === 'dark' ? 'light' : 'dark';
  const switchMode = () => {
    localStorage.setItem('mode', other);
    setMode(other);
  };
  return (
    <ThemeProvider theme={theme}>
      <CssBaseline />
      <ReactRouterProvider>
        <QueryParamProvider adapter={ReactRouter6Adapter}>
          <ChartsProvider chartsTheme={chartsTheme}>
            <SnackbarProvider anchorOrigin={{ vertical: 'bottom', horizontal: 'left' }}>
              <PluginRegistry
                pluginLoader={loader}
                defaultPluginKinds={{ Panel: 'TimeSeriesChart', TimeSeriesQuery: 'PrometheusTimeSeriesQuery' }}
              >
                <Box sx={{ display: 'flex', flexDirection: 'column', height: '100vh' }}>
                  <AppBar position="static" elevation={1}>
                    <Toolbar variant="dense" sx={{ gap: 2 }}>
                      <Typography component="span" sx={{ fontWeight: 600 }} noWrap>
                        Perses playground
                      </Typography>
                      <Button color="inherit" size="small" component={Link} to="/explore" sx={{ mr: 'auto' }}>
                        Explore
                      </Button>
                      <Button color="inherit" size="small" onClick={switchMode}>
                        {other} mode
                      </Button>
                    </Toolbar>
                  </AppBar>
                  <Box component="main" sx={{ flex: 1, minHeight: 0, display: 'flex' }}>
                    <Outlet />
                  </Box>
                </Box>
              </PluginRegistry>
            </SnackbarProvider>
          </ChartsProvider>
        </QueryParamProvider>
      </ReactRouterProvider>
    </ThemeProvider>
  );
}
