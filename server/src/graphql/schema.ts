import './scalars.ts';
import './nodes.ts';
import './version.ts';
import './user/types.ts';
import './cluster/queries.ts';
import './cluster/mutations.ts';
import './cluster/subscriptions.ts';
import './cluster/check.ts';
import './cluster/load.ts';
import './cluster/configuration.ts';
import './project/queries.ts';
import './project/mutations.ts';
import './project/jobs.ts';
import './job/types.ts';
import './job/actions.ts';
import './job/comparison.ts';
import './job/derived-jobs.ts';
import './job/record.ts';
import './job/queries.ts';
import './job/events.ts';
import './job/mutations.ts';
import './job/preview.ts';
import './job/submit.ts';
import './job/subscriptions.ts';
import './job/log-search.ts';
import { DirectiveLocation, GraphQLDirective, GraphQLSchema } from 'graphql';
import { withBoundedArguments } from './bounded-arguments.ts';
import { builder } from './builder.ts';
import { withFittingNumbers } from './fitting-numbers.ts';
import { withImmediateIds } from './immediate-ids.ts';
import { withPacedLists } from './paced-lists.ts';
import { withPermittedFields } from './permitted-fields.ts';

export const schema = withPermittedFields(
  withBoundedArguments(
    withImmediateIds(withFittingNumbers(withPacedLists(readableByOlderClients(builder.toSchema())))),
  ),
);

/**
 * Since 16.14, graphql-js lists DIRECTIVE_DEFINITION among the locations of `@deprecated`, which clients with
 * graphql-core 3.2 (Python's gql) don't know: they fail to read the whole introspection.
 */
function readableByOlderClients(built: GraphQLSchema): GraphQLSchema {
  return new GraphQLSchema({
    ...built.toConfig(),
    directives: built.getDirectives().map((directive) => {
      const config = directive.toConfig();
      const locations = config.locations.filter((location) => location !== DirectiveLocation.DIRECTIVE_DEFINITION);
      return locations.length === config.locations.length ? directive : new GraphQLDirective({ ...config, locations });
    }),
  });
}
