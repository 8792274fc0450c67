import { VERSION } from '../domain/version.ts';
import { builder } from './builder.ts';

builder.queryField('version', (t) =>
  t.string({
    description: 'The version of the server, such as "1.4.0" (semver.org).',
    resolve: () => VERSION,
  }),
);
