import { once } from 'node:events';
import { OperationTypeNode } from 'graphql';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aJob, EVERY_JOB } from '../domain/testing.ts';
import { Store } from '../store/index.ts';
import { insertJobs } from '../store/testing.ts';
import { Turns } from '../turns/index.ts';
import { GATE, Gate } from './gate.ts';
import { SMALL, WORK_LIMITS, Work } from './work.ts';

/** By a clock that nothing else moves. */
const STATEMENT_MS = 10;
const STATEMENTS_OF_A_SMALL_ONE = SMALL.cpuMs / STATEMENT_MS;

let now = 0;
/** From then on, others have the processor. */
let busySince = Number.POSITIVE_INFINITY;
let gate: Gate;
let turns: Turns;
beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  vi.spyOn(process, 'threadCpuUsage').mockImplementation((before) => ({
    user: Math.min(now, busySince) * 1000 - (before?.user ?? 0),
    system: 0,
  }));
  busySince = Number.POSITIVE_INFINITY;
  gate = new Gate();
  turns = new Turns();
});
afterEach(() => void vi.restoreAllMocks());

/** An operation that reads statement by statement. */
class Operation {
  readonly work: Work;
  readonly leaving = new AbortController();
  done = 0;

  constructor(account: string, kind: OperationTypeNode = OperationTypeNode.QUERY) {
    const scale = { kind, isLarge: false };
    this.work = new Work({ gate, turns, account, scale, signal: this.leaving.signal });
  }

  /** The number that were run; rejects if it was stopped. */
  read(statements: number): Promise<number> {
    return this.work.run(() => this.statements(statements));
  }

  /** Of one field of it. */
  statements(statements: number): Promise<number> {
    return this.work.read(async () => {
      for (let count = 0; count < statements; count += 1) await this.work.statement(() => this.#next());
      return this.done;
    });
  }

  /** A statement of what it does, rather than of a field of its answer. */
  act(): Promise<void> {
    return this.work.statement(() => this.#next());
  }

  async #next(): Promise<void> {
    await undefined;
    now += STATEMENT_MS;
    this.done += 1;
  }
}

const BUSY = { extensions: { code: 'SERVER_BUSY' } };

const enter = (account: string) =>
  gate.enter({ account, kind: OperationTypeNode.QUERY, hasBegun: false, signal: new AbortController().signal });

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}

const LONG = STATEMENTS_OF_A_SMALL_ONE * 3;

describe('an operation that reads for long', () => {
  it('needs a place, as many others do, and gets it in its turn', async () => {
    const many = Array.from({ length: 40 }, () => new Operation('ada'));
    const outcomes = Promise.all(many.map((operation) => operation.read(LONG)));
    let most = 0;
    await until(() => {
      const far = many.filter(({ done }) => done > STATEMENTS_OF_A_SMALL_ONE + 1 && done < LONG);
      most = Math.max(most, far.length);
      return many.every(({ done }) => done === LONG);
    });
    expect(most).toBe(GATE.runningOfAccount);
    expect(await outcomes).toEqual(many.map(() => LONG));
    expect([gate.running, gate.waiting]).toEqual([0, 0]);
  });

  it('holds up none that reads a little, of whatever account', async () => {
    const long = Array.from({ length: 40 }, () => new Operation('ada').read(LONG));
    await until(() => gate.running > 0);
    for (const account of ['ben', 'ada']) expect(await new Operation(account).read(3)).toBe(3);
    expect(gate.waiting).toBeGreaterThan(0);
    await Promise.all(long);
  });

  it('is not one that only waits for the processor', async () => {
    const held = await Promise.all(Array.from({ length: GATE.runningOfAccount }, () => enter('ada')));
    busySince = now;
    expect(await new Operation('ada').read(LONG)).toBe(LONG);
    expect(gate.waiting).toBe(0);
    for (const place of held) place[Symbol.dispose]();
  });

  it('is refused if too many wait, unless it is a mutation, which has changed something', async () => {
    const held = await Promise.all(Array.from({ length: GATE.runningOfAccount }, () => enter('ada')));
    const waiting = Array.from({ length: GATE.waitingOfAccount }, () => new Operation('ada').read(LONG));
    await until(() => gate.waiting === GATE.waitingOfAccount);
    const another = new Operation('ada');
    await expect(another.read(LONG)).rejects.toMatchObject(BUSY);
    expect(another.work.excess).toMatchObject(BUSY);
    const mutation = new Operation('ada', OperationTypeNode.MUTATION);
    waiting.push(mutation.read(LONG));
    await until(() => gate.waiting === GATE.waitingOfAccount + 1);
    for (const place of held) place[Symbol.dispose]();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([LONG]));
  });

  it('is one of few that may wait if it holds much of what it has read', async () => {
    const held = await Promise.all(Array.from({ length: GATE.runningOfAccount }, () => enter('ada')));
    const holding = () => {
      const operation = new Operation('ada');
      operation.work.texts('x'.repeat(100 * 1024));
      return operation.read(LONG);
    };
    const waiting = Array.from({ length: GATE.waitingBegunOfAccount }, holding);
    await until(() => gate.waiting === GATE.waitingBegunOfAccount);
    await expect(holding()).rejects.toMatchObject(BUSY);
    for (const place of held) place[Symbol.dispose]();
    await Promise.all(waiting);
  });

  it('does what it does to the end if it is a mutation, also when its client leaves, and ends its answer then', async () => {
    const held = await Promise.all(Array.from({ length: GATE.runningOfAccount }, () => enter('ada')));
    const mutation = new Operation('ada', OperationTypeNode.MUTATION);
    const outcome = mutation.work.run(async () => {
      for (let count = 0; count < LONG; count += 1) await mutation.act();
    });
    await until(() => gate.waiting > 0);
    mutation.leaving.abort();
    await outcome;
    expect(mutation.done).toBe(LONG);
    await expect(mutation.statements(1)).rejects.toThrow(/aborted/);
    for (const place of held) place[Symbol.dispose]();
    expect([gate.running, gate.waiting]).toEqual([0, 0]);
  });

  it('ends with its client, while it reads', async () => {
    const operation = new Operation('ada');
    const outcome = operation.read(LONG);
    await until(() => operation.done > 3);
    const before = operation.done;
    operation.leaving.abort();
    await expect(outcome).rejects.toThrow(/aborted/);
    expect(operation.done).toBe(before);
  });

  it('ends with its client, while it waits for a place', async () => {
    const held = await Promise.all(Array.from({ length: GATE.runningOfAccount }, () => enter('ada')));
    const operation = new Operation('ada');
    const outcome = operation.read(LONG);
    await until(() => gate.waiting === 1);
    operation.leaving.abort();
    await expect(outcome).rejects.toThrow(/aborted/);
    for (const place of held) place[Symbol.dispose]();
    expect([operation.done, gate.running, gate.waiting]).toEqual([STATEMENTS_OF_A_SMALL_ONE + 1, 0, 0]);
  });

  it('ends with its answer, which does not wait for all fields if one has failed', async () => {
    const operation = new Operation('ada');
    const fields: Promise<unknown>[] = [];
    const outcome = operation.work.run(async () => {
      fields.push(...Array.from({ length: 5 }, () => operation.statements(LONG).catch(String)));
      fields.push(once(operation.work.signal, 'abort'));
      await until(() => gate.running === 1 && operation.done > STATEMENTS_OF_A_SMALL_ONE);
      throw new Error('a field has failed');
    });
    await expect(outcome).rejects.toThrow('a field has failed');
    const before = operation.done;
    await Promise.all(fields);
    await until(() => gate.running === 0);
    // One statement may have been under way.
    expect(operation.done).toBeLessThanOrEqual(before + 1);
  });

  it('keeps its place until the read under way has ended', async () => {
    const operation = new Operation('ada');
    const { promise, resolve } = Promise.withResolvers<void>();
    const outcome = operation.work.run(async () => {
      await operation.statements(LONG);
      void operation.work.read(() => promise);
      throw new Error('a field has failed');
    });
    await expect(outcome).rejects.toThrow('a field has failed');
    await new Promise(setImmediate);
    expect(gate.running).toBe(1);
    resolve();
    await until(() => gate.running === 0);
  });

  it('gives up its wait for a place when it is answered', async () => {
    const held = await Promise.all(Array.from({ length: GATE.runningOfAccount }, () => enter('ada')));
    const operation = new Operation('ada');
    const outcome = operation.work.run(async () => {
      operation.statements(LONG).catch(() => undefined);
      await until(() => gate.waiting === 1);
      throw new Error('a field has failed');
    });
    await expect(outcome).rejects.toThrow('a field has failed');
    expect(gate.waiting).toBe(0);
    for (const place of held) place[Symbol.dispose]();
    await new Promise(setImmediate);
    expect([operation.done, gate.running]).toEqual([STATEMENTS_OF_A_SMALL_ONE + 1, 0]);
  });

  it('ends once it has read for too long', async () => {
    const operation = new Operation('ada');
    const most = (WORK_LIMITS.seconds * 1000) / STATEMENT_MS;
    await expect(operation.read(most * 2)).rejects.toThrow(`takes more than ${WORK_LIMITS.seconds} s`);
    expect(operation.done).toBe(most + 1);
  });

  it('ends once it has read too much', async () => {
    const operation = new Operation('ada');
    const outcome = operation.read(LONG);
    await until(() => operation.done > 3);
    expect(() => operation.work.texts('x'.repeat(WORK_LIMITS.bytes + 1))).toThrow('reads more than');
    const before = operation.done;
    await expect(outcome).rejects.toThrow('reads more than');
    expect(operation.done).toBe(before);
  });
});

describe('a count that several operations ask for', () => {
  const filter = { ...EVERY_JOB, search: 'train' };
  let store: Store;
  beforeEach(async () => {
    store = await Store.open(':memory:');
    await insertJobs(
      store,
      Array.from({ length: 2000 }, () => aJob({ command: 'python train.py' })),
    );
  });
  afterEach(() => store.close());

  const countFor = ({ work }: Operation) => store.readBy(work).jobs.count(filter);
  const count = (operation: Operation) => operation.work.run(() => operation.work.read(() => countFor(operation)));

  it('is made for the others if the one who began leaves', async () => {
    const [first, ...others] = Array.from({ length: 5 }, () => new Operation('ada'));
    if (first === undefined) throw new Error('none');
    const left = count(first);
    const counts = others.map(count);
    await new Promise(setImmediate);
    first.leaving.abort();
    await expect(left).rejects.toThrow(/aborted/);
    expect(await Promise.all(counts)).toEqual(others.map(() => 2000));
  });

  it('is not made in the turns of another account', async () => {
    const slow = new Operation('ada');
    const turn = Promise.withResolvers<void>();
    const counts = vi.fn();
    const reads = store.readBy({ account: 'ada', statement: (run) => turn.promise.then(run) });
    const late = reads.jobs.count(filter).then(counts);
    expect(await count(new Operation('ben'))).toBe(2000);
    expect(await count(slow)).toBe(2000);
    expect(counts).not.toHaveBeenCalled();
    turn.resolve();
    await late;
    expect(counts).toHaveBeenCalledWith(2000);
  });

  it('is made by whoever has a place, if the one who began has to wait for that', async () => {
    const asked = Promise.withResolvers<void>();
    const placed = Array.from({ length: GATE.runningOfAccount }, () => new Operation('ada')).map((operation) =>
      operation.work.run(async () => {
        operation.work.texts('x'.repeat(SMALL.bytes + 1));
        await operation.work.statement(async () => undefined);
        await asked.promise;
        return operation.work.read(() => countFor(operation));
      }),
    );
    await until(() => gate.running === GATE.runningOfAccount);
    const first = new Operation('ada');
    const waiting = first.work.run(async () => {
      await first.statements(STATEMENTS_OF_A_SMALL_ONE + 1);
      return countFor(first);
    });
    await until(() => gate.waiting === 1);
    asked.resolve();
    expect(await Promise.all(placed)).toEqual(placed.map(() => 2000));
    expect(await waiting).toBe(2000);
  });
});
