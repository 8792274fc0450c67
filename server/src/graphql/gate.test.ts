import { randomUUID } from 'node:crypto';
import { OperationTypeNode } from 'graphql';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Applicant, GATE, Gate, type Place } from './gate.ts';

let gate: Gate;
beforeEach(() => {
  vi.useFakeTimers();
  gate = new Gate();
});
afterEach(() => void vi.useRealTimers());

const of = (account: string, more: Partial<Applicant> = {}): Applicant => ({
  account,
  kind: OperationTypeNode.QUERY,
  hasBegun: false,
  signal: new AbortController().signal,
  ...more,
});

/** Notes who has been let in, in order. */
class Doorman {
  readonly entered: string[] = [];
  readonly places: Place[] = [];

  async let(applicant: Applicant, name = applicant.account): Promise<void> {
    const place = await gate.enter(applicant);
    this.entered.push(name);
    this.places.push(place);
  }

  /** The one that came in first leaves. */
  async next(): Promise<void> {
    this.places.shift()?.[Symbol.dispose]();
    await settled();
  }
}

async function settled(): Promise<void> {
  for (let step = 0; step < 5; step += 1) await undefined;
}

const refusal = { extensions: { code: 'SERVER_BUSY', http: { status: 503 } } };
const fill = (count: number, applicant: () => Applicant) => {
  for (let index = 0; index < count; index += 1) gate.enter(applicant()).catch(() => undefined);
};

describe('a gate', () => {
  it('lets in a few at a time, and of one account fewer', async () => {
    fill(GATE.running, () => of('ada'));
    await undefined;
    expect([gate.running, gate.waiting]).toEqual([GATE.runningOfAccount, GATE.running - GATE.runningOfAccount]);
    fill(GATE.running, () => of('ben'));
    await undefined;
    expect(gate.running).toBe(GATE.running);
  });

  it('lets in one account after the other, however many wait of each', async () => {
    const doorman = new Doorman();
    for (let index = 0; index < 6; index += 1) void doorman.let(of('ada'));
    void doorman.let(of('ben'));
    void doorman.let(of('eve'));
    void doorman.let(of('eve'));
    await settled();
    for (let index = 0; index < 9; index += 1) await doorman.next();
    expect(doorman.entered).toEqual(['ada', 'ada', 'ben', 'ada', 'eve', 'ada', 'eve', 'ada', 'ada']);
    expect([gate.running, gate.waiting]).toEqual([0, 0]);
  });

  it('refuses those for whom there is no room to wait, of an account and in all', async () => {
    fill(GATE.runningOfAccount + GATE.waitingOfAccount, () => of('ada'));
    await expect(gate.enter(of('ada'))).rejects.toMatchObject(refusal);
    fill(GATE.running + GATE.waiting, () => of(randomUUID()));
    await expect(gate.enter(of('ben'))).rejects.toMatchObject(refusal);
  });

  it('refuses few that have begun, and none that have to tell what they changed, or that follow', async () => {
    fill(GATE.runningOfAccount + GATE.waitingOfAccount, () => of('ada'));
    fill(GATE.waitingBegunOfAccount, () => of('ada', { hasBegun: true }));
    await expect(gate.enter(of('ada', { hasBegun: true }))).rejects.toMatchObject(refusal);
    void gate.enter(of('ben'));
    fill(GATE.waitingBegun - GATE.waitingBegunOfAccount, () => of(randomUUID(), { hasBegun: true }));
    await expect(gate.enter(of('eve', { hasBegun: true }))).rejects.toMatchObject(refusal);
    const before = gate.waiting;
    fill(1, () => of('ada', { hasBegun: true, kind: OperationTypeNode.MUTATION }));
    fill(1, () => of('ada', { kind: OperationTypeNode.SUBSCRIPTION }));
    await undefined;
    expect(gate.waiting).toBe(before + 2);
  });

  it('forgets those whose client leaves, and is as it was', async () => {
    fill(GATE.runningOfAccount, () => of('ada'));
    const leaving = new AbortController();
    const outcomes = Array.from({ length: 5 }, () => gate.enter(of('ada', { signal: leaving.signal })));
    expect(gate.waiting).toBe(5);
    leaving.abort();
    for (const outcome of outcomes) await expect(outcome).rejects.toThrow(/aborted/);
    expect(gate.waiting).toBe(0);
    await expect(gate.enter(of('ben', { signal: leaving.signal }))).rejects.toThrow(/aborted/);
  });

  it('tells one that has been in for long once others wait, and not before', async () => {
    const doorman = new Doorman();
    await doorman.let(of('ada'));
    await doorman.let(of('ada'));
    const told = vi.fn();
    for (const place of doorman.places) void place.overdue.then(told);
    await vi.advanceTimersByTimeAsync(GATE.seconds * 1000);
    expect(told).not.toHaveBeenCalled();
    fill(1, () => of('ada'));
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toHaveBeenCalledTimes(2);
  });
});
