import { describe, expect, it } from 'vitest';
import { Metrics } from '../telemetry/index.ts';
import { LoadMeter } from './load.ts';

const MINUTE = 60_000;
const NOON = Date.parse('2026-11-24T12:00:30Z');

function meterAt(start: number) {
  const clock = { now: start };
  const metrics = new Metrics('0.0.0');
  return { clock, metrics, meter: new LoadMeter('alpha', metrics, () => clock.now) };
}

describe("a cluster's load", () => {
  it('adds up commands by kind, the most frequent first, and logins', () => {
    const { meter } = meterAt(NOON);
    meter.login(true);
    meter.command('submit', 500);
    meter.command('queue', 20);
    meter.command('queue', 30);
    expect(meter.read().hour).toEqual({
      since: new Date(NOON),
      commands: [
        { kind: 'queue', count: 2, seconds: expect.closeTo(0.05) },
        { kind: 'submit', count: 1, seconds: 0.5 },
      ],
      logins: 1,
      seconds: expect.closeTo(0.55),
    });
  });

  it('forgets by whole minutes: after an hour in the hour, after a day in the day', () => {
    const { clock, meter } = meterAt(NOON);
    meter.command('queue', 10);
    clock.now += 59 * MINUTE;
    expect(meter.read().hour.commands).toHaveLength(1);
    clock.now += MINUTE;
    expect(meter.read().hour.commands).toEqual([]);
    expect(meter.read().hour.since).toEqual(new Date('2026-11-24T12:01:00Z'));
    clock.now = NOON + (24 * 60 - 1) * MINUTE;
    expect(meter.read().day.commands).toHaveLength(1);
    clock.now += MINUTE;
    expect(meter.read().day.commands).toEqual([]);
  });

  it('goes on in the metrics, which forget nothing', async () => {
    const { clock, metrics, meter } = meterAt(NOON);
    meter.command('queue', 1500);
    clock.now += 48 * 60 * MINUTE;
    meter.command('queue', 500);
    meter.login(false);
    const text = await metrics.registry.metrics();
    expect(text).toContain('slurmql_cluster_commands_total{cluster="alpha",kind="queue"} 2\n');
    expect(text).toContain('slurmql_cluster_command_seconds_total{cluster="alpha",kind="queue"} 2\n');
    expect(text).toContain('slurmql_cluster_logins_total{cluster="alpha",outcome="refused"} 1\n');
  });
});
