// The host's card has no height of its own: ours is as tall as fits without the page, or the box around us, scrolling.

import { type RefObject, useLayoutEffect, useState } from 'react';

const LEAST_PX = 420;

export function useFillHeight(ref: RefObject<HTMLElement>): number {
  const [height, setHeight] = useState(LEAST_PX);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const scroller = scrollParent(element);
    const measure = () => setHeight(Math.max(LEAST_PX, fittingHeight(element, scroller)));
    measure();
    window.addEventListener('resize', measure);
    return () => window.removeEventListener('resize', measure);
  }, [ref]);
  return height;
}

/**
 * Some hosts give the box around us a height, others let it grow with us and scroll the page. So it is tried: with a
 * margin that surely overflows, what overflows is what is too much. A margin, since another height would move what is
 * scrolled inside the element.
 */
function fittingHeight(element: HTMLElement, scroller: HTMLElement | undefined): number {
  const probe = window.innerHeight * 2;
  const margin = element.style.marginBottom;
  element.style.marginBottom = `${probe}px`;
  const overflow = [document.documentElement, scroller].reduce(
    (sum, box) => sum + (box ? box.scrollHeight - box.clientHeight : 0),
    0,
  );
  element.style.marginBottom = margin;
  return Math.floor(element.offsetHeight + probe - overflow);
}

function scrollParent(element: HTMLElement): HTMLElement | undefined {
  for (let parent = element.parentElement; parent && parent !== document.body; parent = parent.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(parent).overflowY)) return parent;
  }
  return undefined;
}
