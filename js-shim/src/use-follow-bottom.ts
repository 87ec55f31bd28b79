// The view follows what is written only while it is at the bottom; elsewhere the reader is told that there is more.

import { type RefObject, useCallback, useEffect, useRef, useState } from 'react';

/** How far from the bottom still counts as the bottom, CSS pixels. */
const NEAR_PX = 32;
/** What grows this soon after a click was opened by the reader, and stays where they look. */
const OPENED_MS = 600;

export interface FollowBottom {
  /** The box that scrolls. */
  boxRef: RefObject<HTMLDivElement>;
  /** What grows in it. */
  contentRef: RefObject<HTMLDivElement>;
  hasNews: boolean;
  toBottom: () => void;
}

/** Another `key` (another conversation) starts at the bottom. */
export function useFollowBottom(key: string | undefined): FollowBottom {
  const boxRef = useRef<HTMLDivElement>(null);
  const contentRef = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const clickedAt = useRef(Number.NEGATIVE_INFINITY);
  const [hasNews, setHasNews] = useState(false);

  const toBottom = useCallback(() => {
    following.current = true;
    clickedAt.current = Number.NEGATIVE_INFINITY;
    setHasNews(false);
    const box = boxRef.current;
    if (box) box.scrollTop = box.scrollHeight;
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the key is the trigger
  useEffect(toBottom, [key, toBottom]);

  useEffect(() => {
    const box = boxRef.current;
    const content = contentRef.current;
    if (!box || !content) return;
    let height = content.offsetHeight;
    const onScroll = () => {
      following.current = box.scrollHeight - box.clientHeight - box.scrollTop < NEAR_PX;
      if (following.current) setHasNews(false);
    };
    const onClick = () => {
      clickedAt.current = performance.now();
    };
    const observer = new ResizeObserver(() => {
      const grown = content.offsetHeight > height;
      height = content.offsetHeight;
      if (performance.now() - clickedAt.current < OPENED_MS) onScroll();
      else if (following.current) box.scrollTop = box.scrollHeight;
      else if (grown) setHasNews(true);
    });
    box.addEventListener('scroll', onScroll, { passive: true });
    content.addEventListener('click', onClick);
    observer.observe(content);
    observer.observe(box);
    return () => {
      box.removeEventListener('scroll', onScroll);
      content.removeEventListener('click', onClick);
      observer.disconnect();
    };
  }, []);

  return { boxRef, contentRef, hasNews, toBottom };
}
