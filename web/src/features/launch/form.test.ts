import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Attempt } from './attempt.ts';
import { emptyForm, type FormValues, formOf, fromMemory, readForm, toMemory } from './form.ts';

function form(values: Partial<FormValues> = {}): FormValues {
  return { ...emptyForm(), projectId: 'P1', cluster: 'alpha', command: 'python train.py', ...values };
}

describe('readForm', () => {
  it('leaves out what is empty, so that the defaults of the cluster hold', () => {
    const { input } = readForm(form());
    expect(input).toMatchObject({
      projectId: 'P1',
      cluster: 'alpha',
      command: 'python train.py',
      gpus: null,
      name: null,
    });
    expect(input).toMatchObject({ environment: [], extraOptions: [], includeUncommitted: false });
  });

  it('leaves the command as it was written', () => {
    const command = "\n  printf '%s' a\\ \n";
    expect(readForm(form({ command })).input?.command).toBe(command);
  });

  it('reads numbers, sizes, times and lists', () => {
    const { input } = readForm(
      form({ gpus: '4', memoryMb: '64', timeLimitMinutes: '1:30:00', extraOptions: '--exclusive\n\n --nice=10 ' }),
    );
    expect(input).toMatchObject({ gpus: 4, memoryMb: 65_536, timeLimitMinutes: 90 });
    expect(input?.extraOptions).toEqual(['--exclusive', '--nice=10']);
  });

  it('says at each field what it can not read, all at once', () => {
    const { input, errors } = readForm(form({ command: ' ', gpus: 'some', timeLimitMinutes: 'long', memoryMb: '-' }));
    expect(input).toBeNull();
    expect(Object.keys(errors ?? {}).toSorted()).toEqual(['command', 'gpus', 'memoryMb', 'timeLimitMinutes']);
  });

  it('takes 0 GPUs for a job without any, and all memory by either word', () => {
    expect(readForm(form({ gpus: '0', memoryMb: '0' })).input).toMatchObject({ gpus: 0, memoryMb: 0 });
    expect(readForm(form({ memoryMb: 'All' })).input).toMatchObject({ memoryMb: 0 });
    expect(readForm(form({ gpus: '-1', nodes: '0' })).errors).toEqual({
      gpus: 'A whole number, 0 or more.',
      nodes: 'A whole number, 1 or more.',
    });
  });

  // What stands in an empty field as an example, or below it, is what people type.
  const source = readFileSync(new URL('resource-fields.tsx', import.meta.url), 'utf8');
  const inputs = [...source.matchAll(/<TextInput\s[^>]*?field="(\w+)"[^>]*?\/>/gs)].map(([tag, field = '']) => ({
    field,
    examples: [
      ...[...tag.matchAll(/placeholder="([^"A-Z][^"]*)"/g)].map(([, text = '']) => text),
      ...[...tag.matchAll(/hint="([^"A-Z][^"]*)"/g)].flatMap(([, text = '']) =>
        text.split(', ').map((example) => example.replace(/ \(.*\)$/, '')),
      ),
    ],
  }));
  it.each(inputs.flatMap(({ field, examples }) => examples.map((example) => [field, example] as const)))(
    'takes for %s what the form itself gives as an example: %s',
    (field, example) => {
      expect(readForm(form({ [field]: example })).errors).toBeNull();
    },
  );

  it('has examples to try', () => {
    expect(inputs.filter(({ examples }) => examples.length > 0).length).toBeGreaterThan(5);
  });

  it('takes uncommitted changes with HEAD alone', () => {
    expect(readForm(form({ includeUncommitted: true })).input?.includeUncommitted).toBe(true);
    expect(readForm(form({ includeUncommitted: true, gitRef: 'v1' })).input?.includeUncommitted).toBe(false);
  });

  it('skips rows of the environment that were left empty, and refuses a name that no shell takes', () => {
    const rows = [
      { name: ' SEED ', value: '1' },
      { name: '', value: '' },
    ];
    expect(readForm(form({ environment: rows })).input?.environment).toEqual([{ name: 'SEED', value: '1' }]);
    expect(readForm(form({ environment: [{ name: '2ND', value: '' }] })).errors?.environment).toBeDefined();
    expect(readForm(form({ environment: [{ name: '', value: 'secret' }] })).errors?.environment).toBeDefined();
  });
});

describe('what is remembered', () => {
  it('never holds the environment variables', () => {
    const json = JSON.stringify(toMemory(form({ environment: [{ name: 'TOKEN', value: 'secret' }] })));
    expect(json).not.toContain('secret');
    expect(fromMemory(json)).toMatchObject({ command: 'python train.py', cluster: 'alpha' });
  });

  it('is taken field by field, whatever was stored', () => {
    expect(fromMemory('{"command": "x", "gpus": 4, "environment": [1], "other": "y"}')).toEqual({ command: 'x' });
    expect(fromMemory('null')).toEqual({});
  });
});

it('fills the form from an earlier job with the commit that it ran', () => {
  const resources = {
    ...{ nodes: 2, maxNodes: 4, tasks: null, cpusPerTask: 8, memoryMb: 0 },
    ...{ gpus: 4, gpusTotal: null, gpusPerTask: null, gpuType: 'a100' },
  };
  const values = formOf({
    id: 'J',
    name: 'train',
    description: null,
    tags: ['baseline', 'for the paper'],
    command: 'python train.py',
    gitCommit: '3f9c2d81',
    hasUncommittedChanges: false,
    partition: 'gpu',
    project: { id: 'P1' },
    cluster: { id: 'C1', name: 'alpha' },
    submission: { isSingleton: true },
    resources: { ...resources, timeLimitMinutes: 480, account: null, qos: null, array: '0-3' },
  });
  expect(readForm(values).input).toMatchObject({
    gitRef: '3f9c2d81',
    tags: ['baseline', 'for the paper'],
    gpus: 4,
    gpuType: 'a100',
    nodes: 2,
    maxNodes: 4,
    memoryMb: 0,
    singleton: true,
    timeLimitMinutes: 480,
    array: '0-3',
  });
});

describe('an attempt', () => {
  it('keeps its key while the same is sent again without an answer', () => {
    const attempt = new Attempt();
    const key = attempt.keyFor({ command: 'a' });
    expect(attempt.keyFor({ command: 'a' })).toBe(key);
  });

  it('takes a new key for other content, and after an answer', () => {
    const attempt = new Attempt();
    const key = attempt.keyFor({ command: 'a' });
    const other = attempt.keyFor({ command: 'b' });
    attempt.settle();
    expect(new Set([key, other, attempt.keyFor({ command: 'b' })]).size).toBe(3);
  });
});
