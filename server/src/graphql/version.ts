import { VERSION } from '../domain/version.ts';
import { builder } from './builder.ts';

builder.queryField('version', (t) =>
  t.string({
    description: 'The version of the server, "1.4.0", by the rules of semver.org.',
    resolve: () => VERSION,
  }),
);
