/**
 * Headers of every answer. Pages have their own content policy, and PAGE_REFERRER_POLICY. Anything else loads nothing, even if
 * a browser displays it as a page.
 */
export const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  // Of what another page embeds. What it fetches is allowed by origin (cors.ts).
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/** With none at all, browsers send a page's own form as if it came from nowhere (Fetch, "append a request Origin header"). */
export const PAGE_REFERRER_POLICY = 'same-origin';
