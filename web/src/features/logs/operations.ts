import { graphql } from '../../graphql/graphql.ts';

export const logTailSubscription = graphql(`
  subscription LogTail($jobId: ID!, $stream: LogStream, $after: SafeInt) {
    logTail(jobId: $jobId, stream: $stream, after: $after) {
      startOffset
      endOffset
      text
      isReset
      isComplete
      absence
      recordedBytes
    }
  }
`);

export const logPageQuery = graphql(`
  query LogPage($jobId: ID!, $stream: LogStream, $offset: SafeInt) {
    job(id: $jobId) {
      id
      log(stream: $stream, offset: $offset, limit: 262144) {
        startOffset
        endOffset
        text
        isComplete
        absence
        recordedBytes
      }
    }
  }
`);
