// The last guard at the link sink. The core has the policy; here only what could do harm is held back.

export interface Target {
  href: string;
  /** Set where the link leaves this origin. */
  host?: string;
}

/** Where a link leads, or undefined where it may not be followed. */
export function linkTarget(url: string | undefined, origin: string): Target | undefined {
  if (!url) return undefined;
  let target: URL;
  try {
    target = new URL(url, `${origin}/`);
  } catch {
    return undefined;
  }
  if (target.protocol !== 'http:' && target.protocol !== 'https:') return undefined;
  if (target.username || target.password) return undefined;
  return target.origin === origin ? { href: target.href } : { href: target.href, host: target.host };
}
