import type { AnyVariables, TypedDocumentNode } from '@urql/core';
import { type Accessor, createSignal } from 'solid-js';
import { showToast } from '../lib/toasts.ts';
import { useApi } from './api.ts';
import { describeError } from './errors.ts';

/**
 * A mutation to be run on a person's request, and whether it is under way. A fault is shown as a toast and gives
 * null; a refusal that the person can act on is part of the result.
 */
export function createAction<Result, Variables extends AnyVariables>(
  document: TypedDocumentNode<Result, Variables>,
): readonly [run: (variables: Variables) => Promise<Result | null>, isRunning: Accessor<boolean>] {
  const { client } = useApi();
  const [isRunning, setIsRunning] = createSignal(false);

  async function run(variables: Variables): Promise<Result | null> {
    setIsRunning(true);
    const { data, error } = await client.mutation(document, variables).toPromise();
    setIsRunning(false);
    if (error !== undefined) showToast('error', describeError(error));
    return error === undefined ? (data ?? null) : null;
  }

  return [run, isRunning];
}
