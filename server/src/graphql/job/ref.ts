import type { Job } from '../../domain/job.ts';
import { builder } from '../builder.ts';

export const JobRef = builder.objectRef<Job>('Job');
