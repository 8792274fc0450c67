import { type Accessor, createEffect, createMemo, createSignal, onCleanup } from 'solid-js';
import { createAction } from '../../graphql/action.ts';
import type { ClusterHealth, LoginPrompt } from '../../graphql/clusters.ts';
import { showToast } from '../../lib/toasts.ts';
import { answerLoginMutation, connectClusterMutation } from './operations.ts';

/** How a login stands, for the person who is at it. */
export type LoginPhase =
  | { readonly kind: 'asked'; readonly prompt: LoginPrompt }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'checking' }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly message: string };

/**
 * @param answeredId the prompt that was answered last; null: none in this login
 * @param isStarting a login was asked for, and what the cluster tells may be from before that
 */
export function loginPhase(
  cluster: Pick<ClusterHealth, 'status' | 'statusMessage' | 'loginPrompt'>,
  answeredId: string | null,
  isStarting: boolean,
): LoginPhase {
  const { status, statusMessage, loginPrompt } = cluster;
  if (loginPrompt !== null && loginPrompt.id !== answeredId) return { kind: 'asked', prompt: loginPrompt };
  if (status === 'ONLINE' || status === 'DEGRADED') return { kind: 'done' };
  if (loginPrompt === null && status !== 'CONNECTING' && !isStarting) {
    return { kind: 'failed', message: statusMessage ?? 'There is no connection, for an unknown reason.' };
  }
  return { kind: answeredId === null ? 'connecting' : 'checking' };
}

/** What a browser may fill in: one-time codes, from a message on the same telephone; never a stored password. */
export function autocompleteFor(promptText: string): 'one-time-code' | 'off' {
  return /\b(code|passcode|otp|token|verification|factor)\b/i.test(promptText) ? 'one-time-code' : 'off';
}

export interface Login {
  readonly isOpen: Accessor<boolean>;
  readonly phase: Accessor<LoginPhase>;
  readonly isConnecting: Accessor<boolean>;
  /** Why the answers weren't taken to the cluster. */
  readonly refusal: Accessor<string | null>;
  /** Tries to connect; should the login ask something, the dialog opens. */
  connect(): void;
  /** Opens the dialog, on what is asked now or on a new login. */
  open(): void;
  close(): void;
  answer(promptId: string, answers: readonly string[]): Promise<void>;
}

/** News of a login that began come within moments; past this, what the cluster tells is taken for the outcome. */
const START_MS = 3_000;

/** One person's way through the login of a cluster. */
export function createLogin(cluster: Accessor<ClusterHealth>): Login {
  const [connectCluster, isConnecting] = createAction(connectClusterMutation);
  const [sendAnswers] = createAction(answerLoginMutation);
  const [isOpen, setIsOpen] = createSignal(false);
  const [isAwaited, setIsAwaited] = createSignal(false);
  const [isStarting, setIsStarting] = createSignal(false);
  const [answeredId, setAnsweredId] = createSignal<string | null>(null);
  const [refusal, setRefusal] = createSignal<string | null>(null);
  const phase = createMemo(() => loginPhase(cluster(), answeredId(), isStarting()));
  let timer: ReturnType<typeof setTimeout> | undefined;
  onCleanup(() => clearTimeout(timer));

  createEffect(() => {
    if (cluster().status !== 'AUTH_REQUIRED' || cluster().loginPrompt !== null) setIsStarting(false);
  });
  createEffect(() => {
    if (isAwaited() && cluster().loginPrompt !== null) setIsOpen(true);
    if (phase().kind !== 'done') return;
    setIsAwaited(false);
    if (!isOpen()) return;
    setIsOpen(false);
    showToast('info', `${cluster().name}: logged in`);
  });

  async function connect(): Promise<void> {
    clearTimeout(timer);
    setIsAwaited(true);
    setIsStarting(true);
    setAnsweredId(null);
    setRefusal(null);
    const result = await connectCluster({ input: { name: cluster().name } });
    for (const { message } of result?.connectCluster.userErrors ?? []) showToast('error', message);
    timer = setTimeout(() => setIsStarting(false), START_MS);
  }

  function open(): void {
    setIsOpen(true);
    setRefusal(null);
    if (cluster().loginPrompt === null) void connect();
  }

  function close(): void {
    setIsOpen(false);
    setIsAwaited(false);
  }

  async function answer(promptId: string, answers: readonly string[]): Promise<void> {
    setRefusal(null);
    setAnsweredId(promptId);
    const result = await sendAnswers({ input: { cluster: cluster().name, promptId, answers: [...answers] } });
    const errors = result?.answerLogin.userErrors ?? [];
    if (result !== null && errors.length === 0) return;
    setAnsweredId(null);
    setRefusal(errors.map(({ message }) => message).join(' ') || 'The answer did not reach the server. Try again.');
  }

  return { isOpen, phase, isConnecting, refusal, connect: () => void connect(), open, close, answer };
}
