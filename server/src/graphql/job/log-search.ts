import { isUnanswered } from '../../clusters/index.ts';
import { isArray } from '../../domain/job.ts';
import {
  isSearchPatternFault,
  type LogMatch,
  type LogSearchResult,
  patternFault,
  searchLog,
} from '../../logs/index.ts';
import { builder } from '../builder.ts';
import { fault } from '../faults.ts';
import { localId } from '../ids.ts';
import { costs } from '../marks.ts';
import { LogStreamRef } from './log.ts';

export const MOST_MATCHES = 200;

const LogMatchRef = builder.objectRef<LogMatch>('LogMatch').implement({
  description: 'A match of a pattern in a log. Offsets count bytes from the beginning of the file.',
  fields: (t) => ({
    lineNumber: t.expose('lineNumber', { type: 'SafeInt', description: '1 is the first line.' }),
    lineOffset: t.expose('lineOffset', { type: 'SafeInt', description: 'Offset of the beginning of the line.' }),
    matchOffset: t.expose('matchOffset', { type: 'SafeInt', description: 'Offset of the beginning of the match.' }),
    text: t.exposeString('text', {
      description:
        'The line without its line end. Of a long line, about a thousand bytes that include the beginning of the match.',
    }),
    textOffset: t.expose('textOffset', {
      type: 'SafeInt',
      description: 'Offset of the beginning of `text`: that of the line, or a later one in a long line.',
    }),
    isTextCut: t.exposeBoolean('isTextCut', { description: 'The line is longer than `text`.' }),
  }),
});

const LogSearchResultRef = builder.objectRef<LogSearchResult>('LogSearchResult').implement({
  description: 'The result of a search in a log.',
  fields: (t) => ({
    matches: t.field({
      type: [LogMatchRef],
      description: 'In the order of the file. A line with several matches has one entry for each.',
      resolve: ({ matches }) => [...matches],
    }),
    hasMore: t.exposeBoolean('hasMore', {
      description: 'There are more matches, or there is more to search. Continue from `endOffset`.',
    }),
    endOffset: t.expose('endOffset', {
      type: 'SafeInt',
      description: 'Where the search ended. Pass it as `after` to continue exactly there.',
    }),
    bytesSearched: t.expose('bytesSearched', {
      type: 'SafeInt',
      description: 'Number of bytes from `after` to `endOffset`.',
    }),
  }),
});

builder.queryField('logSearch', (t) =>
  t.field({
    type: LogSearchResultRef,
    nullable: true,
    description:
      "Searches a job's whole log with grep on the cluster, at the lowest priority: 1 GiB at a time, one " +
      'search at a time on each cluster. An invalid pattern is refused with BAD_USER_INPUT. Null: there is no file yet.',
    args: {
      jobId: t.arg.id({ required: true, description: 'The id of a job or a task.' }),
      stream: t.arg({ type: LogStreamRef, defaultValue: 'STDOUT', description: 'Standard output or standard error.' }),
      pattern: t.arg.string({
        required: true,
        description: 'One line of at most 1,000 characters. Matched literally unless `isRegex`.',
      }),
      isRegex: t.arg.boolean({
        defaultValue: false,
        description: 'The pattern is a POSIX extended regular expression, as for grep -E. A dot matches one byte.',
      }),
      ignoreCase: t.arg.boolean({ defaultValue: false, description: 'Ignore the case of ASCII letters.' }),
      first: t.arg.int({ defaultValue: 50, description: 'The maximum number of matches; clamped to 1 … 200.' }),
      after: t.arg({
        type: 'SafeInt',
        defaultValue: 0,
        description: 'Offset in bytes. Matches that begin before it are left out.',
      }),
    },
    ...costs({ own: 1000 }),
    resolve: async (_root, args, { loaders, clusters, account, searches }) => {
      const job = await loaders.job.load(localId(args.jobId, 'Job'));
      if (job === null) throw fault('NOT_FOUND', 'Job not found');
      if (isArray(job)) throw fault('BAD_USER_INPUT', 'jobId: an array has no log of its own: search one of its tasks');
      const { pattern } = args;
      const wrong = patternFault(pattern, args.isRegex ?? false);
      if (wrong !== null) throw fault('BAD_USER_INPUT', `pattern: ${wrong}`);
      const excess = searches.excess(account);
      if (excess !== null) throw fault(excess.code, excess.message);
      using _search = searches.add(account);
      try {
        return await searchLog(clusters.files(job.clusterName), job, {
          stream: args.stream ?? 'STDOUT',
          pattern,
          isRegex: args.isRegex ?? false,
          ignoresCase: args.ignoreCase ?? false,
          limit: Math.min(Math.max(args.first ?? 50, 1), MOST_MATCHES),
          after: args.after ?? 0,
        });
      } catch (cause) {
        if (isSearchPatternFault(cause)) throw fault('BAD_USER_INPUT', `pattern: ${cause.message}`);
        if (isUnanswered(cause)) throw fault('CLUSTER_UNAVAILABLE', `The log can't be searched: ${cause.message}`);
        throw cause;
      }
    },
  }),
);
