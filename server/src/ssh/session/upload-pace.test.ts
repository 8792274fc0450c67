import { expect, it } from 'vitest';
import { UploadPace } from './upload-pace.ts';

const PIECE = 32 * 1024;

/** Sends pieces over a line, which takes so many bytes a second and so many milliseconds there and back. */
function send(pieces: number, line: { readonly bytesPerSecond: number; readonly roundTripMs: number }) {
  const pace = new UploadPace();
  const pieceMs = (1000 * PIECE) / line.bytesPerSecond;
  const answers: { readonly sentAt: number; readonly at: number }[] = [];
  let now = 0;
  let freeAt = 0;
  let longestQueueMs = 0;
  let sent = 0;
  while (sent < pieces || answers.length > 0) {
    while (sent < pieces && answers.length < pace.limit) {
      freeAt = Math.max(now, freeAt) + pieceMs;
      answers.push({ sentAt: now, at: freeAt + line.roundTripMs });
      sent += 1;
      // Of the last half, in which it has found its pace.
      if (sent > pieces / 2) longestQueueMs = Math.max(longestQueueMs, freeAt - now);
    }
    const answer = answers.shift();
    if (answer === undefined) break;
    now = answer.at;
    pace.answered(now - answer.sentAt);
  }
  return { share: (pieces * pieceMs) / now, longestQueueMs, pieceMs };
}

it.each([
  ['a line at home', { bytesPerSecond: 1_000_000, roundTripMs: 20 }],
  ['a far and thin one', { bytesPerSecond: 4_000_000, roundTripMs: 150 }],
  ['one of an office', { bytesPerSecond: 12_000_000, roundTripMs: 5 }],
  ['a mobile one', { bytesPerSecond: 300_000, roundTripMs: 80 }],
])('%s is used whole, and nobody waits for long behind an upload', (_what, line) => {
  const { share, longestQueueMs, pieceMs } = send(2000, line);
  expect(share).toBeGreaterThan(0.8);
  // One that is being sent, and one behind it: fewer would leave the line empty.
  expect(longestQueueMs).toBeLessThan(60 + 2 * pieceMs);
});

it('a fast line has all that may be on its way', () => {
  expect(send(20_000, { bytesPerSecond: 1_000_000_000, roundTripMs: 0.2 }).share).toBeGreaterThan(0.9);
  const far = send(20_000, { bytesPerSecond: 1_000_000_000, roundTripMs: 50 });
  // 64 pieces a round trip.
  expect(far.share).toBeGreaterThan(0.9 * ((64 * PIECE) / 0.05 / 1_000_000_000));
});
