/** How long the event loop was held at most while `work` was done, and how long the work took; in ms. */
export async function watched(work: () => Promise<unknown>): Promise<{ readonly ms: number; readonly heldMs: number }> {
  let heldMs = 0;
  let isOver = false;
  const start = performance.now();
  let last = start;
  const beat = () => {
    const now = performance.now();
    heldMs = Math.max(heldMs, now - last);
    last = now;
    if (!isOver) setImmediate(beat);
  };
  setImmediate(beat);
  await work();
  const ms = performance.now() - start;
  isOver = true;
  return { ms, heldMs: Math.max(heldMs, performance.now() - last) };
}
