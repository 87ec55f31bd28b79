// Stands in for a package that npm lacks.
export { buildDatasourceDefinitionSchema, datasourceDefinitionSchema, fetch } from '@perses-dev/core';
