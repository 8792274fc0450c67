/**
 * Writes src/graphql/graphql-env.d.ts, from which gql.tada types every operation, out of ../schema.graphql; with
 * --check it only says whether the file is up to date.
 *
 * It does what `gql.tada generate-output` would: that command calls the compiler API that TypeScript 7 no longer
 * has (gql.tada issue 572). The library's own functions for it don't.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { minifyIntrospection, outputIntrospectionFile } from 'gql.tada/internal';
import { buildSchema, introspectionFromSchema } from 'graphql';

const schemaFile = new URL('../../schema.graphql', import.meta.url);
const outputFile = new URL('../src/graphql/graphql-env.d.ts', import.meta.url);

const introspection = introspectionFromSchema(buildSchema(await readFile(schemaFile, 'utf8')), { descriptions: false });
const wanted = outputIntrospectionFile(minifyIntrospection(introspection), {
  fileType: '.d.ts',
  shouldPreprocess: true,
});

if (process.argv.includes('--check')) {
  if ((await readFile(outputFile, 'utf8')) !== wanted) {
    console.error('web/src/graphql/graphql-env.d.ts does not match schema.graphql: run `npm run generate -w web`.');
    process.exitCode = 1;
  }
} else {
  await writeFile(outputFile, wanted);
}
