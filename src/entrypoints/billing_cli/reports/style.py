"""How the page looks, in light and in dark, on a screen and on paper."""

STYLE = """
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #14181f; --muted: #56606e; --line: #dfe3e9; --grid: #e9ecf1;
  --base: #3557c9; --soft: #3557c91f; --up: #1b7f5c; --down: #c2472e; --other: #9a6a00; --quiet: #aeb7c4;
  --h0: #eef2fd; --h1: #d5dffa; --h2: #b0c2f5; --h3: #7f9bec; --h4: #4f70da; --h5: #2c48ad;
  --on-pale: #14181f; --on-deep: #ffffff; }
@media (prefers-color-scheme: dark) { :root {
  --page: #0f1318; --card: #181d24; --ink: #e9edf3; --muted: #9aa6b5; --line: #2b323c; --grid: #262d36;
  --base: #8aa4ff; --soft: #8aa4ff24; --up: #4fc495; --down: #f08b6d; --other: #e0b04c; --quiet: #59636f;
  --h0: #1d2533; --h1: #24324f; --h2: #2e4478; --h3: #3d5ca6; --h4: #6c8ae6; --h5: #a9bdff;
  --on-pale: #e9edf3; --on-deep: #0f1318; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 32px 24px 56px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 4px 24px; }
h1 { font-size: 26px; line-height: 1.2; letter-spacing: -.01em; margin: 0; }
h2 { font-size: 19px; margin: 36px 0 14px; padding-top: 18px; border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 0; }
p { margin: 2px 0 0; color: var(--muted); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 0 0 16px; }
.figures div, figure { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.figures div { padding: 12px 16px; }
.figures dt { color: var(--muted); font-size: 13px; }
.figures dd { margin: 0; font-size: 22px; font-weight: 600; letter-spacing: -.01em;
  font-variant-numeric: tabular-nums; }
.figures .note { font-size: 12.5px; font-weight: 400; letter-spacing: 0; color: var(--muted); }
.charts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; }
figure { margin: 0; padding: 16px 18px 12px; min-width: 0; }
figure.wide { grid-column: 1 / -1; }
figcaption p { font-size: 13px; }
.key { display: flex; flex-wrap: wrap; gap: 2px 14px; margin: 6px 0 2px; padding: 0; list-style: none;
  font-size: 12.5px; color: var(--muted); }
.key i { display: inline-block; width: 10px; height: 10px; margin-right: 6px; border-radius: 3px;
  background: var(--quiet); }
.key i.base { background: var(--base); } .key i.up { background: var(--up); } .key i.down { background: var(--down); }
.key i.other { background: var(--other); }
.key i.dashed { height: 0; border-radius: 0; border-top: 2px dashed var(--muted); background: none;
  vertical-align: 3px; }
svg { display: block; width: 100%; height: auto; margin-top: 4px; }
svg text { font-size: 11.5px; fill: var(--muted); font-variant-numeric: tabular-nums; }
svg .value { fill: var(--ink); } svg .below { font-size: 10.5px; }
.grid, .zero { stroke: var(--grid); } .zero { stroke: var(--quiet); }
.level { stroke: var(--quiet); stroke-dasharray: 2 3; }
.line { fill: none; stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
.area { fill: var(--soft); }
.line.base { stroke: var(--base); } .line.down { stroke: var(--down); } .line.other { stroke: var(--other); }
.line.up { stroke: var(--up); } .line.dashed { stroke: var(--muted); stroke-dasharray: 4 4; stroke-width: 1.5; }
rect.base, circle.base { fill: var(--base); } rect.up, circle.up { fill: var(--up); }
rect.down, circle.down { fill: var(--down); } rect.other, circle.other { fill: var(--other); }
rect.quiet { fill: var(--quiet); }
.h0 { fill: var(--h0); } .h1 { fill: var(--h1); } .h2 { fill: var(--h2); } .h3 { fill: var(--h3); }
.h4 { fill: var(--h4); } .h5 { fill: var(--h5); }
svg .on0, svg .on1, svg .on2, svg .on3 { fill: var(--on-pale); } svg .on4, svg .on5 { fill: var(--on-deep); }
details { margin-top: 8px; font-size: 13px; } summary { cursor: pointer; color: var(--muted); }
.scroll { overflow-x: auto; margin-top: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--muted); } th:first-child, td:first-child { text-align: left; padding-left: 0; }
footer { margin-top: 28px; color: var(--muted); font-size: 13px; }
@media (max-width: 820px) { .charts { grid-template-columns: minmax(0, 1fr); } main { padding: 20px 14px 40px; }
  figure.wide { overflow-x: auto; } figure.wide svg { min-width: 760px; } }
@media print { body { background: #fff; } figure { break-inside: avoid; } }
"""
