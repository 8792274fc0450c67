/** 128 random bits in hexadecimal. `crypto.randomUUID` would do, but plain HTTP pages don't have it. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
