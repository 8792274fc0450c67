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
  description: 'A place in a log at which a pattern was found. Offsets count bytes from the beginning of the file.',
  fields: (t) => ({
    lineNumber: t.expose('lineNumber', { type: 'SafeInt', description: '1 is the first line.' }),
    lineOffset: t.expose('lineOffset', { type: 'SafeInt', description: 'Where the line begins.' }),
    matchOffset: t.expose('matchOffset', { type: 'SafeInt', description: 'Where the match begins.' }),
    text: t.exposeString('text', {
      description:
        'The line without its end; of a long one, about a thousand bytes with the beginning of the match among them.',
    }),
    textOffset: t.expose('textOffset', {
      type: 'SafeInt',
      description: 'Where `text` begins: at the line, or further on in a long one.',
    }),
    isTextCut: t.exposeBoolean('isTextCut', { description: 'The line is longer than `text`.' }),
  }),
});

const LogSearchResultRef = builder.objectRef<LogSearchResult>('LogSearchResult').implement({
  description: 'What a search of a log has found.',
  fields: (t) => ({
    matches: t.field({
      type: [LogMatchRef],
      description: 'In the order of the file; several of one line follow each other.',
      resolve: ({ matches }) => [...matches],
    }),
    hasMore: t.exposeBoolean('hasMore', {
      description: 'There are more matches, or there is more to search: go on from `endOffset`.',
    }),
    endOffset: t.expose('endOffset', {
      type: 'SafeInt',
      description: 'How far was searched: pass it as `after` to go on just there.',
    }),
    bytesSearched: t.expose('bytesSearched', { type: 'SafeInt', description: 'From `after` to `endOffset`.' }),
  }),
});

builder.queryField('logSearch', (t) =>
  t.field({
    type: LogSearchResultRef,
    nullable: true,
    description:
      "Looks for a pattern in a job's whole log, with grep on the cluster and at the lowest priority: 1 GiB at a time, one " +
      'search at a time on each cluster. A pattern that is none is refused with BAD_USER_INPUT. Null: there is no file yet.',
    args: {
      jobId: t.arg.id({ required: true, description: 'The id of a job or a task.' }),
      stream: t.arg({ type: LogStreamRef, defaultValue: 'STDOUT', description: 'Which of the two files.' }),
      pattern: t.arg.string({
        required: true,
        description: 'One line, of 1,000 characters at most. Found as it is written, unless `isRegex`.',
      }),
      isRegex: t.arg.boolean({
        defaultValue: false,
        description: 'It is an extended regular expression of POSIX, as for grep -E; a dot stands for one byte.',
      }),
      ignoreCase: t.arg.boolean({ defaultValue: false, description: 'Of the letters of ASCII.' }),
      first: t.arg.int({ defaultValue: 50, description: 'The most matches told; kept between 1 and 200.' }),
      after: t.arg({
        type: 'SafeInt',
        defaultValue: 0,
        description: 'In bytes from the beginning: matches that begin before it are left out.',
      }),
    },
    ...costs({ own: 1000 }),
    resolve: async (_root, args, { store, clusters }) => {
      const job = await store.jobs.get(localId(args.jobId, 'Job'));
      if (job === null) throw fault('NOT_FOUND', 'There is no such job');
      if (isArray(job)) throw fault('BAD_USER_INPUT', 'jobId: an array has no log of its own: search one of its tasks');
      const { pattern } = args;
      const wrong = patternFault(pattern, args.isRegex ?? false);
      if (wrong !== null) throw fault('BAD_USER_INPUT', `pattern: ${wrong}`);
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
