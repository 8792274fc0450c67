import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { DiskQuestions } from './disk-questions.ts';
import { GitError } from './git-error.ts';
import type { OwnPlace } from './own-places.ts';

type Methods = { [K in keyof DiskQuestions]: DiskQuestions[K] };
export type QuestionName = keyof Methods;
export type Answer<K extends QuestionName> = ReturnType<Methods[K]>;

/** What a thread is asked. */
export interface Question<K extends QuestionName = QuestionName> {
  readonly name: K;
  readonly parameters: Parameters<Methods[K]>;
}

/** `isExpected`: a GitError. */
export type Reply = { readonly answer: unknown } | { readonly fault: string; readonly isExpected: boolean };

/** Counts the answers of the disk. */
export type Heartbeat = Int32Array<SharedArrayBuffer>;

export interface WorkerData {
  readonly heartbeat: Heartbeat;
  readonly own: readonly OwnPlace[];
}

// Runs in a thread of its own, which a disk that hangs may keep.
if (parentPort !== null) answerAll(parentPort, workerData as WorkerData);

function answerAll(port: MessagePort, { heartbeat, own }: WorkerData): void {
  const questions = new DiskQuestions(() => Atomics.add(heartbeat, 0, 1), own);
  port.on('message', (question: Question) => {
    const message = reply(questions, question);
    // Bytes change hands, and are not copied.
    const bytes =
      'answer' in message && message.answer instanceof Uint8Array ? [message.answer.buffer as ArrayBuffer] : [];
    port.postMessage(message, bytes);
  });
}

function reply(questions: DiskQuestions, { name, parameters }: Question): Reply {
  try {
    const method = questions[name] as (...parameters: readonly unknown[]) => unknown;
    return { answer: method.apply(questions, [...parameters]) };
  } catch (cause) {
    const isExpected = cause instanceof GitError;
    return { fault: isExpected ? cause.message : String(cause instanceof Error ? cause.stack : cause), isExpected };
  }
}
