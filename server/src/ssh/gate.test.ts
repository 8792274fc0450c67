import { expect, test } from 'vitest';
import { SshUnavailable } from './errors.ts';
import { Gate } from './gate.ts';

const never = new AbortController().signal;

/** Lets everything that is ready to happen, happen. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('those who wait are let in one by one, in the order in which they came', async () => {
  const gate = new Gate(1, 10);
  const entered: number[] = [];
  const all = [1, 2, 3].map((name) => gate.enter(never).then(() => entered.push(name)));
  await settle();
  expect(entered).toEqual([1]);
  gate.leave();
  await settle();
  expect(entered).toEqual([1, 2]);
  gate.leave();
  await Promise.all(all);
  expect(entered).toEqual([1, 2, 3]);
});

test('whoever gives up waiting is told that nothing was sent, and takes no place', async () => {
  const gate = new Gate(1, 10);
  await gate.enter(never);
  const controller = new AbortController();
  const impatient = gate.enter(controller.signal);
  const patient = gate.enter(never);
  controller.abort(new Error('the deadline of 5 ms passed'));
  await expect(impatient).rejects.toThrow(SshUnavailable);
  await expect(impatient).rejects.toThrow('the deadline of 5 ms passed');
  gate.leave();
  await patient;
  expect([gate.inside, gate.waiting]).toEqual([1, 0]);
});

test('a full line turns the next one away at once', async () => {
  const gate = new Gate(1, 1);
  await gate.enter(never);
  const waiting = gate.enter(never);
  await expect(gate.enter(never)).rejects.toThrow('1 requests wait for the cluster already');
  gate.leave();
  await waiting;
});

test('a smaller capacity turns nobody out, a larger one lets more in', async () => {
  const gate = new Gate(2, 10);
  await Promise.all([gate.enter(never), gate.enter(never)]);
  gate.capacity = 1;
  const third = gate.enter(never);
  gate.leave();
  await settle();
  expect([gate.inside, gate.waiting]).toEqual([1, 1]);
  gate.capacity = 2;
  await third;
  expect(gate.inside).toBe(2);
});
