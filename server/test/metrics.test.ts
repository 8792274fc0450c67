import { afterAll, beforeAll, expect, it } from 'vitest';
import { Workbench } from './support/jobs.ts';
import { promtoolFaults } from './support/promtool.ts';
import { until } from './support/server.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = await Workbench.open();
});
afterAll(() => bench?.[Symbol.asyncDispose]());

async function metrics(): Promise<string> {
  const headers = { authorization: `Bearer ${bench.server.token}` };
  return (await fetch(`${bench.server.address}/metrics`, { headers })).text();
}

it('the metrics of a server with clusters and jobs are such as Prometheus wants them', async () => {
  const { id } = await bench.submit({ command: 'true' });
  await bench.ended(id);
  const text = await until(metrics, (read) => /^slurmql_job_ends_total\{.*"COMPLETED"\} 1$/m.test(read));
  expect(await promtoolFaults(text)).toBe('');
  expect(await promtoolFaults('# TYPE wrong_total gauge\nwrong_total 1\n')).toContain('wrong_total');

  expect(text).toMatch(/^slurmql_cluster_up\{cluster="alpha"\} 1$/m);
  expect(text).toMatch(/^slurmql_cluster_status\{cluster="alpha",status="ONLINE"\} 1$/m);
  expect(text).toMatch(/^slurmql_cluster_status\{cluster="alpha",status="UNREACHABLE"\} 0$/m);
  const polled = /^slurmql_cluster_last_poll_timestamp_seconds\{cluster="alpha"\} ([\d.]+)$/m.exec(text)?.[1];
  const { cluster } = await bench.server.query<{ cluster: { lastPolledAt: string } }>(
    '{ cluster(name: "alpha") { lastPolledAt } }',
  );
  const now = Date.parse(cluster.lastPolledAt) / 1000;
  expect(Number(polled)).toBeGreaterThan(now - 300);
  expect(Number(polled)).toBeLessThanOrEqual(now);
  expect(text).toMatch(/^slurmql_submissions_total\{cluster="alpha",outcome="accepted"\} 1$/m);
  expect(text).toMatch(/^slurmql_build_info\{version="\d+\.\d+\.\d+.*"\} 1$/m);
});
