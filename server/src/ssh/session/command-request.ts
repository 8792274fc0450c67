import type { Client, ClientCallback, ClientChannel } from 'ssh2';
import { type OpenChannel, requestChannel } from '../client-channels.ts';

/** The server opened a channel and started no command on it. The channel is open still. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused';
  readonly channel: ClientChannel;

  constructor(channel: ClientChannel) {
    super(
      'the SSH server opened a session and started no command in it. Does the login have too many processes there ' +
        '(ulimit -u), or does the server forbid commands?',
    );
    this.channel = channel;
  }
}

/** Asks for a channel on which `command` runs. The error is a CommandRefused if there is a channel, and nothing runs on it. */
export function requestCommand(client: Client, command: string, done: ClientCallback): void {
  let find: () => OpenChannel | undefined = () => undefined;
  find = requestChannel(client, () =>
    client.exec(command, (error, channel) => {
      const left = error === undefined ? undefined : find();
      done(left === undefined ? error : new CommandRefused(left as unknown as ClientChannel), channel);
    }),
  );
}
