/**
 * Headers of every answer. Pages have their own content policy, and PAGE_REFERRER_POLICY. Anything else loads nothing,
 * even if a browser displays it as a page.
 */
export const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  // Applies to embedding; fetches are allowed by origin (cors.ts).
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/**
 * With "no-referrer", browsers send a page's own form with the origin "null" (Fetch, "append a request Origin header").
 */
export const PAGE_REFERRER_POLICY = 'same-origin';
