/** Puts text on the clipboard; false if the browser doesn't let it. */
export async function copyText(text: string): Promise<boolean> {
  // Browsers offer the clipboard to secure contexts only, and a lab's server may well speak plain HTTP.
  if (!isSecureContext) return copyBySelection(text);
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  return isCopied;
}
