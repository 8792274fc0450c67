#!/usr/bin/env node
// Submits a job, prints its states, output and errors as they arrive, and exits with the job's exit code. When the
// connection breaks or the server restarts, it resumes exactly where it stopped. Needs only Node 18 or later:
// SLURMQL_URL=http://127.0.0.1:4000 SLURMQL_TOKEN=… node submit-and-follow.mjs PROJECT CLUSTER COMMAND
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

const [project, cluster, command] = process.argv.slice(2);
const { SLURMQL_URL = 'http://127.0.0.1:4000', SLURMQL_TOKEN } = process.env;
if (command === undefined || SLURMQL_TOKEN === undefined || Number.parseInt(process.versions.node, 10) < 18) {
  console.error('Usage: SLURMQL_TOKEN=… node submit-and-follow.mjs PROJECT CLUSTER COMMAND, with Node 18 or later');
  process.exit(2);
}

/** An error that a retry doesn't change. */
class Refused extends Error {}
/** Codes of what passes (API.md), of errors and of userErrors. */
const PASSING = [
  'CLUSTER_UNAVAILABLE',
  'LIMIT_EXCEEDED',
  'RATE_LIMITED',
  'SERVER_BUSY',
  'REQUEST_TIMEOUT',
  'INTERNAL_SERVER_ERROR',
];

/** Each line once, however often it is told in a row. */
let told;
function tell(line) {
  if (line !== told) console.error(line);
  told = line;
}

async function post(query, variables, accept) {
  const headers = { authorization: `Bearer ${SLURMQL_TOKEN}`, 'content-type': 'application/json', accept };
  const body = JSON.stringify({ query, variables });
  return fetch(`${SLURMQL_URL}/graphql`, { method: 'POST', headers, body });
}

function failure(errors) {
  const message = [...new Set(errors.map((error) => error.message))].join('\n');
  return errors.every(({ code }) => PASSING.includes(code)) ? new Error(message) : new Refused(message);
}

function dataOf({ data, errors }) {
  if (errors === undefined) return data;
  throw failure(errors.map(({ message, extensions }) => ({ message, code: extensions?.code })));
}

async function ask(query, variables) {
  return dataOf(await (await post(query, variables, 'application/json')).json());
}

/** The results of a subscription over server-sent events, until the connection ends. */
async function* subscribe(query, variables) {
  const response = await post(query, variables, 'text/event-stream');
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) dataOf(await response.json());
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of response.body) {
    text += decoder.decode(bytes, { stream: true });
    const events = text.split('\n\n');
    text = events.pop();
    for (const event of events) {
      const data = /^data: (.+)$/m.exec(event);
      if (data !== null) yield dataOf(JSON.parse(data[1]));
    }
  }
}

/** Retries each second until an attempt returns a result; only `Refused` ends it. */
async function persist(attempt) {
  for (;;) {
    try {
      const result = await attempt();
      if (result !== undefined) return result;
    } catch (error) {
      if (error instanceof Refused) throw error;
      tell(`[waiting] ${error.message}`);
    }
    await pause(1000);
  }
}

async function printLog(id, stream, target) {
  const query = `subscription ($id: ID!, $stream: LogStream!, $after: SafeInt!) {
    logTail(jobId: $id, stream: $stream, after: $after) { text endOffset isComplete }
  }`;
  let after = 0;
  await persist(async () => {
    for await (const { logTail } of subscribe(query, { id, stream, after })) {
      target.write(logTail.text);
      after = logTail.endOffset;
      if (logTail.isComplete) return true;
    }
  });
}

async function printStates(id) {
  const query = 'subscription ($id: ID!) { jobStatus(id: $id) { state reason exitCode isActive } }';
  return persist(async () => {
    for await (const { jobStatus } of subscribe(query, { id })) {
      tell(`[${jobStatus.state}] ${jobStatus.reason ?? ''}`);
      if (!jobStatus.isActive) return jobStatus;
    }
  });
}

try {
  // Every attempt sends the same key, so the job is submitted once.
  const input = { project, cluster, command, idempotencyKey: randomUUID() };
  const submit = `mutation ($input: SubmitJobInput!) {
    submitJob(input: $input) { job { id } userErrors { message code } }
  }`;
  const { id } = await persist(async () => {
    const { submitJob } = await ask(submit, { input });
    if (submitJob.job === null) throw failure(submitJob.userErrors);
    return submitJob.job;
  });
  const [job] = await Promise.all([
    printStates(id),
    printLog(id, 'STDOUT', process.stdout),
    printLog(id, 'STDERR', process.stderr),
  ]);
  process.exitCode = job.exitCode ?? 1;
} catch (error) {
  console.error(error instanceof Refused ? error.message : error);
  process.exitCode = 1;
}
