import { describe, expect, it } from 'vitest';
import { differingFields, digestRequest } from './request-digest.ts';

const REQUEST = {
  command: 'python train.py',
  gpus: 2,
  name: null,
  environment: [{ name: 'TOKEN', value: 'a secret of mine' }],
  components: [{ partition: 'gpu', resources: { gpus: 1, gpuType: null } }],
};

describe('a digest of a request', () => {
  it('holds none of its values, and no two are alike', () => {
    const digest = digestRequest(REQUEST);
    expect(digest).not.toMatch(/secret|train/);
    expect(digestRequest(REQUEST)).not.toBe(digest);
  });

  it('knows the same request again, in whatever order its fields come', () => {
    const components = [{ resources: { gpuType: null, gpus: 1 }, partition: 'gpu' }];
    expect(
      differingFields(digestRequest(REQUEST), {
        components,
        gpus: REQUEST.gpus,
        environment: REQUEST.environment,
        command: REQUEST.command,
      }),
    ).toEqual([]);
  });

  it('names each field that differs, those within lists and objects included', () => {
    const digest = digestRequest(REQUEST);
    expect(differingFields(digest, { ...REQUEST, command: 'python other.py', gpus: 3 })).toEqual(['command', 'gpus']);
    const environment = [{ name: 'TOKEN', value: 'another secret' }];
    expect(differingFields(digest, { ...REQUEST, environment })).toEqual(['environment']);
    const components = [{ partition: 'gpu', resources: { gpus: 1, gpuType: 'a100' } }];
    expect(differingFields(digest, { ...REQUEST, components })).toEqual(['components']);
    expect(differingFields(digest, { ...REQUEST, gpus: null })).toEqual(['gpus']);
    expect(differingFields(digest, { ...REQUEST, gpus: 0 })).toEqual(['gpus']);
  });

  it('takes what is left out, null, empty or false for the same', () => {
    const { name: _, ...rest } = REQUEST;
    expect(differingFields(digestRequest(REQUEST), { ...rest, array: null, dependsOn: [], singleton: false })).toEqual(
      [],
    );
  });
});
