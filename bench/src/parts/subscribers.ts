import { setTimeout as pause } from 'node:timers/promises';
import { TOKEN } from '@slurmql/server/stage';
import { WebSocket } from 'ws';

/** One connection that counts what it is sent. */
export class Subscriber {
  readonly socket: WebSocket;
  /** Results, after the acknowledgement. */
  received = 0;
  last = '';
  onMessage: ((text: string) => void) | null = null;

  private constructor(socket: WebSocket) {
    this.socket = socket;
  }

  /** Null: the server speaks no protocol, and sends to whoever is connected. */
  static async connect(
    address: string,
    subscription: { query: string; variables?: object } | null,
  ): Promise<Subscriber> {
    const socket = new WebSocket(`${address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      perMessageDeflate: false,
    });
    const subscriber = new Subscriber(socket);
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    if (subscription !== null) {
      const acknowledged = new Promise((resolve) => socket.once('message', resolve));
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${TOKEN}` } }));
      await acknowledged;
      socket.send(JSON.stringify({ id: crypto.randomUUID(), type: 'subscribe', payload: subscription }));
    }
    socket.on('message', (data: Buffer) => {
      subscriber.received += 1;
      subscriber.last = data.toString();
      subscriber.onMessage?.(subscriber.last);
    });
    return subscriber;
  }

  close(): void {
    this.socket.terminate();
  }
}

/** Connects many, a few at a time. */
export async function connectAll(
  count: number,
  connect: (index: number) => Promise<Subscriber>,
): Promise<Subscriber[]> {
  const subscribers: Subscriber[] = [];
  for (let start = 0; start < count; start += 50) {
    const size = Math.min(50, count - start);
    subscribers.push(...(await Promise.all(Array.from({ length: size }, (_, index) => connect(start + index)))));
  }
  return subscribers;
}

/** Throws when it takes longer than a minute. */
export async function until(isRight: () => boolean, what: string, timeoutMs = 60_000): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !isRight(); await pause(2)) {
    if (Date.now() > deadline) throw new Error(`It never came: ${what}`);
  }
}
