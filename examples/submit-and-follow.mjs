#!/usr/bin/env node
// Submits a job, prints its states and its log as they come, and ends with the job's own exit code. Wants Node 22:
// SLURMQL_URL=http://127.0.0.1:4000 SLURMQL_TOKEN=… node submit-and-follow.mjs PROJECT CLUSTER COMMAND
import { createClient } from 'graphql-ws';

const [name, cluster, command] = process.argv.slice(2);
const url = `${process.env.SLURMQL_URL ?? 'http://127.0.0.1:4000'}/graphql`;
const headers = { authorization: `Bearer ${process.env.SLURMQL_TOKEN}`, 'content-type': 'application/json' };
const client = createClient({ url: url.replace(/^http/, 'ws'), connectionParams: headers });

function check({ data, errors, userErrors }) {
  for (const { message } of errors ?? userErrors ?? []) throw new Error(message);
  return data;
}
async function send(query, variables) {
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  return check(await response.json());
}
async function follow(query, print) {
  for await (const event of client.iterate({ query, variables: { id } })) print(check(event));
}

const { project } = await send('query ($name: String!) { project(name: $name) { id } }', { name });
const input = { projectId: project?.id ?? '', cluster, command, idempotencyKey: crypto.randomUUID() };
const submit = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } userErrors { message } } }';
const { submitJob } = await send(submit, { input });
check(submitJob);
const { id } = submitJob.job;

const print = ({ logTail }) => process.stdout.write(logTail.text);
const log = follow('subscription ($id: ID!) { logTail(jobId: $id) { text } }', print);
let job;
await follow('subscription ($id: ID!) { jobStatus(id: $id) { state reason exitCode } }', ({ jobStatus }) => {
  job = jobStatus;
  console.error(`[${job.state}] ${job.reason ?? ''}`);
});
await log;
await client.dispose();
process.exitCode = job.exitCode ?? 1;
