// The host's card has no height of its own: ours reaches from where it begins to the bottom of the box that scrolls it.

import { type RefObject, useLayoutEffect, useState } from 'react';

const LEAST_PX = 420;
/** The card's padding and the host's below it. */
const BELOW_PX = 28;

export function useFillHeight(ref: RefObject<HTMLElement>): number {
  const [height, setHeight] = useState(LEAST_PX);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const scroller = scrollParent(element);
    const measure = () => {
      const top = scroller ? scroller.getBoundingClientRect().top - scroller.scrollTop : -window.scrollY;
      const room = scroller ? scroller.clientHeight : window.innerHeight;
      const above = element.getBoundingClientRect().top - top;
      setHeight(Math.max(LEAST_PX, Math.floor(room - above - BELOW_PX)));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(scroller ?? document.documentElement);
    window.addEventListener('resize', measure);
    return () => {
      observer.disconnect();
      window.removeEventListener('resize', measure);
    };
  }, [ref]);
  return height;
}

function scrollParent(element: HTMLElement): HTMLElement | undefined {
  for (let parent = element.parentElement; parent && parent !== document.body; parent = parent.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(parent).overflowY)) return parent;
  }
  return undefined;
}
