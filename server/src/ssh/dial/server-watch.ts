import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { TokenBucket } from '../../domain/token-bucket.ts';
import { type Incoming, incomingOf, outliveErrors } from '../client-channels.ts';
import { unreachable } from './failure.ts';
import { heldBackBytes, listenToMessages, noteLife } from './messages.ts';
import { ReadPace } from './read-pace.ts';

/** Messages of RFC 4250, section 4.1.2, and of RFC 4252. */
const DISCONNECT = 1;
const IGNORE = 2;
const DEBUG = 4;
const SERVICE_ACCEPT = 6;
const KEXINIT = 20;
const USERAUTH_SUCCESS = 52;
const LAST_OF_LOGIN = 79;
const GLOBAL_REQUEST = 80;
const REQUEST_SUCCESS = 81;
const REQUEST_FAILURE = 82;
const CHANNEL_OPEN = 90;
const CHANNEL_OPEN_CONFIRMATION = 91;
const CHANNEL_WINDOW_ADJUST = 93;
const CHANNEL_DATA = 94;
const CHANNEL_EXTENDED_DATA = 95;
const CHANNEL_EOF = 96;
const CHANNEL_CLOSE = 97;
const CHANNEL_REQUEST = 98;

/** A login with six keys, an answer of a person and their prompts takes some thirty; PAM may add lines to read. */
const MOST_LOGIN_MESSAGES = 1_000;
/**
 * Messages other than a channel's data: so many at once, and so many in a second. A command takes seven of them, and
 * some hundred commands run in a second.
 */
const MOST_IDLE_MESSAGES = 10_000;
const IDLE_MESSAGES_A_SECOND = 2_000;
/** Each so many bytes of them count as another one. */
const IDLE_MESSAGE_BYTES = 1024;
/** Each so many bytes sent, or received on channels, allow one more: a server may enlarge its window with every packet. */
const BYTES_FOR_A_MESSAGE = 256;
/** Exchanges of keys: so many at once, and one in so many seconds or bytes. sshd's RekeyLimit is a GiB or so. */
const MOST_EXCHANGES = 100;
const SECONDS_FOR_AN_EXCHANGE = 10;
const BYTES_FOR_AN_EXCHANGE = 1024 * 1024;
/** Answers that wait to be sent. sshd has one open question at a time (ClientAliveInterval). */
const MOST_WAITING_ANSWERS = 1_000;
/** What this side has asked and sent waits in pieces, far less than this in all. */
const MOST_UNSENT_BYTES = 64 * 1024 * 1024;
/** How far a server may overdraw a channel's window in all: by as much as the window (ssh2 1.17, lib/Channel.js). */
const MOST_OVERDRAWN_BYTES = 2 * 1024 * 1024;
/** Every SSH server takes packets of 32,768 bytes (RFC 4253, section 6.1); those of small devices may have less. */
const LEAST_PACKET_BYTES = 1024;

/** A reason of DISCONNECT (RFC 4253, section 11.1). */
const BY_APPLICATION = 11;
/** The one kind of extended data that there is (RFC 4254, section 5.2). */
const STDERR = 1;
const READS_NOTHING = 'reads nothing of what is sent to it';
const NOTHING = Buffer.from([IGNORE, 0, 0, 0, 0]);
/** One that ssh2 doesn't know, so that it refuses it. */
const REFUSED_REQUEST = Buffer.from([GLOBAL_REQUEST, 0, 0, 0, 0, 1]);

/**
 * Watches what a server sends, and ends the connection of one that would have this side compute, answer or keep without
 * bound. ssh2 answers every request, keeps what comes on a channel whatever its window, and reads what nobody has asked
 * for.
 */
export class ServerWatch {
  readonly #client: Client;
  readonly #socket: Duplex;
  readonly #label: string;
  readonly #idle = new TokenBucket(MOST_IDLE_MESSAGES, IDLE_MESSAGES_A_SECOND);
  readonly #exchanges = new TokenBucket(MOST_EXCHANGES, 1 / SECONDS_FOR_AN_EXCHANGE);
  #loginMessages = 0;
  #isLoggedIn = false;
  /** How many bytes came on a channel beyond its window. */
  readonly #overdrawn = new WeakMap<Incoming, number>();
  /** What the server has said to be all. */
  readonly #ended = new WeakSet<Incoming>();
  /** Since all was sent. */
  #answers = 0;
  readonly #pace: ReadPace;
  /** What carries this connection, if it is another one: what waits there is on its way, too. */
  readonly #carrier: ServerWatch | undefined;
  #isEnded = false;

  /** Begins. To be called as soon as the client connects over the socket. */
  constructor(client: Client, socket: Duplex, label: string, carrier?: ServerWatch) {
    this.#client = client;
    this.#socket = socket;
    this.#label = label;
    this.#carrier = carrier;
    this.#pace = new ReadPace(socket);
    client.on('handshake', ({ sc }) => {
      this.#pace.cipher = sc.cipher;
    });
    outliveErrors(client);
    listenToMessages(client, {
      onPacket: () => this.#countIdle(1),
      onMessage: (message) => this.#look(message),
    });
    const write = socket.write.bind(socket);
    socket.write = (...args: unknown[]) => {
      const [data] = args;
      if (Buffer.isBuffer(data)) this.#allowFor(data.length);
      const isRoom = write(...(args as Parameters<Duplex['write']>));
      // A server that reads nothing need not send anything either.
      if (!isRoom) this.#checkUnsent();
      return isRoom;
    };
  }

  /** What this side has written and the server has not taken yet, nor a jump host on the way to it. */
  get unsentBytes(): number {
    return this.#socket.writableLength + heldBackBytes(this.#client) + (this.#carrier?.unsentBytes ?? 0);
  }

  /** Whether all that the server had to send on a channel has come; otherwise, that closed because the connection did. */
  hasEnded(channel: object): boolean {
    const incoming: unknown = Reflect.get(channel, 'incoming');
    return typeof incoming === 'object' && incoming !== null && this.#ended.has(incoming as Incoming);
  }

  #look(message: Buffer): Buffer {
    const type = message[0] ?? IGNORE;
    if (this.#isData(type, message)) return message;
    this.#countIdle(message.length / IDLE_MESSAGE_BYTES);
    if (!this.#isLoggedIn) this.#countLogin();
    switch (type) {
      case DISCONNECT:
        this.#checkEnd(message);
        return message;
      case DEBUG:
        return NOTHING;
      case KEXINIT:
        if (!this.#exchanges.take()) this.#end('exchanges keys over and over');
        return message;
      case USERAUTH_SUCCESS:
        if (this.#isLoggedIn) return NOTHING;
        this.#isLoggedIn = true;
        return message;
      case GLOBAL_REQUEST:
        return this.#refuse(message);
      case CHANNEL_OPEN:
        this.#countAnswer();
        return message;
      case CHANNEL_REQUEST:
        if (message[endOfText(message, 5)] !== 0) this.#countAnswer();
        return message;
      case CHANNEL_EOF:
      case CHANNEL_CLOSE:
        this.#noteEnd(message);
        return message;
      // An answer to the question for a sign of life may have to wait behind what comes, and the question behind what goes.
      case REQUEST_SUCCESS:
      case REQUEST_FAILURE:
      case CHANNEL_WINDOW_ADJUST:
        if (this.#isLoggedIn) noteLife(this.#client);
        return message;
      case CHANNEL_OPEN_CONFIRMATION:
        this.#checkPackets(message);
        return message;
      default:
        return this.#isLoggedIn && isOfLogin(type) ? NOTHING : message;
    }
  }

  /** Whether it is data of an open channel, which is what was asked for, as far as its window allows it. */
  #isData(type: number, message: Buffer): boolean {
    const isPlain = type === CHANNEL_DATA;
    const bytes = message.length - (isPlain ? 9 : 13);
    if (bytes <= 0 || !(isPlain || (type === CHANNEL_EXTENDED_DATA && message.readUInt32BE(5) === STDERR)))
      return false;
    const incoming = incomingOf(this.#client, message.readUInt32BE(1));
    if (incoming === undefined) return false;
    if (incoming.state !== 'open') this.#end('sends more on a channel after the end of it');
    this.#countOverdrawn(incoming, bytes);
    this.#idle.add(1);
    noteLife(this.#client);
    this.#allowFor(bytes);
    this.#pace.count(bytes);
    return true;
  }

  #allowFor(bytes: number): void {
    this.#idle.add(bytes / BYTES_FOR_A_MESSAGE);
    this.#exchanges.add(bytes / BYTES_FOR_AN_EXCHANGE);
  }

  #countIdle(times: number): void {
    if (!this.#idle.take(times)) this.#end('sends messages that nobody asked for, without end');
    const unsent = this.unsentBytes;
    if (unsent === 0) this.#answers = 0;
    else if (unsent > MOST_UNSENT_BYTES) this.#end(READS_NOTHING);
  }

  /** Beside what comes in: there, what is thrown ends the connection. */
  #checkUnsent(): void {
    if (this.#isEnded || this.unsentBytes <= MOST_UNSENT_BYTES) return;
    this.#isEnded = true;
    // Whoever writes is to find the connection as it was.
    process.nextTick(() => this.#client.emit('error', this.#fault(READS_NOTHING)));
  }

  #countLogin(): void {
    this.#loginMessages += 1;
    if (this.#loginMessages > MOST_LOGIN_MESSAGES) this.#end('sends endless messages before the login');
  }

  #countAnswer(): void {
    this.#answers += 1;
    if (this.#answers > MOST_WAITING_ANSWERS) this.#end('asks on and on without reading the answers');
  }

  #noteEnd(message: Buffer): void {
    const incoming = message.length < 5 ? undefined : incomingOf(this.#client, message.readUInt32BE(1));
    if (incoming !== undefined) this.#ended.add(incoming);
  }

  /** ssh2 makes no error of an end on purpose, and waits until the server has closed the socket. */
  #checkEnd(message: Buffer): void {
    if (message.length < 5 || message.readUInt32BE(1) === BY_APPLICATION) throw new Error('the server ended it');
  }

  /** Nothing is granted, so nothing of it is read but whether the server waits for an answer (RFC 4254, section 4). */
  #refuse(message: Buffer): Buffer {
    const wantsAnswer = message[endOfText(message, 1)];
    if (wantsAnswer === undefined) this.#end('sends a global request that is cut off');
    if (wantsAnswer === 0) return NOTHING;
    this.#countAnswer();
    return REFUSED_REQUEST;
  }

  /** ssh2 cuts what it sends into packets of any size, for ever into those of none. */
  #checkPackets(message: Buffer): void {
    const size = message.length < 17 ? undefined : message.readUInt32BE(13);
    if (size === undefined || size >= LEAST_PACKET_BYTES) return;
    this.#end(`takes packets of no more than ${size} bytes on a channel, and every SSH server takes 32,768`);
  }

  /** ssh2 goes on to count what is beyond the window, but drops it once the window is at nothing. */
  #countOverdrawn(incoming: Incoming, bytes: number): void {
    const beyond = bytes - Math.max(0, incoming.window);
    if (beyond <= 0) return;
    const overdrawn = (this.#overdrawn.get(incoming) ?? 0) + beyond;
    this.#overdrawn.set(incoming, overdrawn);
    if (overdrawn > MOST_OVERDRAWN_BYTES) this.#end('sends more on a channel than its window allows');
  }

  #end(fault: string): never {
    throw this.#fault(fault);
  }

  #fault(fault: string): Error {
    return unreachable(`${this.#label} ${fault}, as only a broken or hostile SSH server does: ask its administrators`);
  }
}

/** ssh2 would go on with a login that is over, and offer keys or ask a person again. */
function isOfLogin(type: number): boolean {
  return type === SERVICE_ACCEPT || (type > 49 && type <= LAST_OF_LOGIN);
}

/** Where a text ends whose length stands at `start` (RFC 4251, section 5). */
function endOfText(message: Buffer, start: number): number {
  return message.length < start + 4 ? message.length : start + 4 + message.readUInt32BE(start);
}
