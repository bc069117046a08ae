"""What is asked of pages in Chromium."""

from __future__ import annotations

# How far the text of an element stands out from what is behind it, as WCAG 2.2 measures it.
CONTRAST = """selector => {
  const of = element => getComputedStyle(element);
  let behind = document.querySelector(selector);
  const text = of(behind).color;
  while (of(behind).backgroundColor.endsWith(', 0)')) behind = behind.parentElement;
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const seen = [of(behind).backgroundColor, text].map((colour, i) => {
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);  // text over what is behind it
    const linear = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(
      c => c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  });
  return (Math.max(...seen) + 0.05) / (Math.min(...seen) + 0.05);
}"""
