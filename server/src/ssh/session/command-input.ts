import { setTimeout as pause } from 'node:timers/promises';
import type { ClientChannel } from 'ssh2';
import type { Channels } from './channels.ts';
import { UploadPace } from './upload-pace.ts';

/** An upload waits while the connection holds so much that the server has not taken, and looks again so soon. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;
const LOOK_AGAIN_MS = 10;

/**
 * Sends the input of a command and its end, until `over` aborts. Nothing that a command prints says how much of its
 * input has come, so after each piece the server is asked for a receipt, by which the pace is set: what commands send
 * would otherwise wait behind as much as the server's window takes. A piece waits until the one before is within that
 * window, because ssh2 would buffer 2 MiB for each channel besides; and while the connection holds much, because a
 * hostile server may give a window of 4 GiB and receipts for what it hasn't read.
 */
export async function sendInput(
  channels: Channels,
  channel: ClientChannel,
  content: AsyncIterable<Buffer>,
  over: AbortSignal,
): Promise<void> {
  const pace = new UploadPace();
  let onTheWay = 0;
  let isInWindow = true;
  let isClosed = false;
  let wake = () => {};
  const onEnd = () => wake();
  const onClose = () => {
    isClosed = true;
    wake();
  };
  const isUseless = () => over.aborted || isClosed || !channel.writable;

  function write(piece: Buffer): void {
    onTheWay += 1;
    isInWindow = false;
    channel.write(piece, () => {
      const sentAt = performance.now();
      isInWindow = true;
      channels.askReceipt(() => {
        onTheWay -= 1;
        pace.answered(performance.now() - sentAt);
        wake();
      });
      wake();
    });
  }

  over.addEventListener('abort', onEnd, { once: true });
  channel.once('close', onClose);
  try {
    for await (const piece of content) {
      while ((!isInWindow || onTheWay >= pace.limit) && !isUseless()) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
      }
      while (channels.unsentBytes > MOST_WAITING_BYTES && !isUseless()) await pause(LOOK_AGAIN_MS);
      if (isUseless()) return;
      write(piece);
    }
    // ssh2 sends the end once all before it is sent.
    if (!isUseless()) channel.end();
  } finally {
    over.removeEventListener('abort', onEnd);
    channel.off('close', onClose);
  }
}
