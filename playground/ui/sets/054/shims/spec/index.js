// Stands in for a package that npm lacks: nearly all its names are still in @perses-dev/core.
import { z } from 'zod';

export * from '@perses-dev/core';
export { intervalToPrometheusDuration as intervalToDuration } from '@perses-dev/core';
export const annotationSpecSchema = z.any();
export const buildAnnotationSpecSchema = () => z.any();
