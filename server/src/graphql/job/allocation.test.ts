import { encodeGlobalID } from '@pothos/plugin-relay';
import { graphql } from 'graphql';
import { describe, expect, it } from 'vitest';
import type { Job } from '../../domain/job.ts';
import { aJob } from '../../domain/testing.ts';
import { turnsDuring } from '../../store/testing.ts';
import { createContext, type Services } from '../context.ts';
import { schema } from '../schema.ts';
import { alone } from '../testing.ts';

/** Asks for the names of the nodes of so many jobs, each with this list. */
function asked(count: number, nodeList: string) {
  const job: Job = aJob({ nodeList, allocated: { cpus: 1, memoryMb: null, gpus: [], timeLimitSeconds: null } });
  const reads = { jobs: { getMany: async (ids: readonly string[]) => ids.map(() => job) } };
  const services = { store: { readBy: () => reads } } as unknown as Services;
  const user = { id: 'ada', name: 'Ada', role: 'ADMIN' } as const;
  const contextValue = createContext(services, { user, via: 'TOKEN' }, alone());
  const id = encodeGlobalID('Job', job.id);
  const jobs = Array.from({ length: count }, (_, index) => `j${index}: job(id: "${id}") { allocated { nodes } }`);
  return { contextValue, execute: async () => graphql({ schema, source: `{ ${jobs.join(' ')} }`, contextValue }) };
}

describe('the names of the nodes of jobs', () => {
  it('are all there', async () => {
    const { execute } = asked(2, 'n[1-3],m');
    const allocated = { nodes: ['n1', 'n2', 'n3', 'm'] };
    expect(await execute()).toEqual({ data: { j0: { allocated }, j1: { allocated } } });
  });

  it('count as text that is read, however short the list is that stands for them', async () => {
    const { execute, contextValue } = asked(60, 'n[0-99999]');
    await execute();
    expect(contextValue.work.excess?.message).toMatch('reads more than');
  });

  it('are made in turns of the event loop', async () => {
    const { execute, contextValue } = asked(30, 'n[0-49999]');
    expect(await turnsDuring(execute)).toBeGreaterThanOrEqual(10);
    expect(contextValue.work.excess).toBeNull();
  });
});
