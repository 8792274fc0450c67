import { hash, timingSafeEqual } from 'node:crypto';

/** In constant time whatever the texts are, which `===` is not. */
export function isSame(left: string, right: string): boolean {
  return timingSafeEqual(hash('sha256', left, 'buffer'), hash('sha256', right, 'buffer'));
}
