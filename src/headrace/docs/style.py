"""How the documentation page looks, in the light and in the dark."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2733; --soft: #5b6b7a; --paper: #fff; --shade: #f3f5f7; --line: #d7dde3; --link: #0b63b6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e8ed; --soft: #9aa8b5; --paper: #15191e; --shade: #1d232a; --line: #333d47; --link: #71b4f5; }
}
* { box-sizing: border-box; }
body { margin: 0; display: grid; grid-template-columns: 17rem minmax(0, 1fr); font: 15px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1rem; background: var(--shade); border-right: 1px solid var(--line); }
nav h1 { font-size: 1.15rem; margin: 0 0 .5rem; } nav h2 { font-size: .8rem; text-transform: uppercase; letter-spacing: .05em;
  color: var(--soft); margin: 1rem 0 .25rem; }
nav ul { list-style: none; margin: 0; padding: 0 0 0 .6rem; } nav summary { color: var(--soft); cursor: pointer; }
nav a { overflow-wrap: anywhere; }
main { padding: 1rem 2rem 4rem; min-width: 0; }
.about, .facts { color: var(--soft); } .description { white-space: pre-line; max-width: 75ch; }
.picture { overflow: auto; border: 1px solid var(--line); border-radius: 6px; max-height: 80vh; }
.lineage { display: block; font: 12px system-ui, sans-serif; }
.lineage .edge { fill: none; stroke: var(--soft); stroke-opacity: .55; stroke-width: 1.3; }
.lineage rect { fill: var(--shade); stroke: var(--line); stroke-width: 1.2; } .lineage text { fill: var(--ink); }
.lineage .source rect { stroke: #2f9e44; } .lineage .seed rect { stroke: #b07d2b; } .lineage .model rect { stroke: #3b82c4; }
.lineage .snapshot rect { stroke: #8a5cd0; } .lineage .exposure rect { stroke: #d9480f; } .lineage g:hover rect { stroke-width: 2.4; }
section { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: .5rem; scroll-margin-top: 1rem; }
section:target h3 { background: color-mix(in srgb, var(--link) 18%, transparent); }
h3 { font-size: 1.2rem; margin: .5rem 0; }
table { border-collapse: collapse; width: 100%; margin: .75rem 0; } th { text-align: left; color: var(--soft); font-weight: 600; }
th, td { padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
code, pre { font: 13px/1.45 ui-monospace, monospace; } pre { background: var(--shade); padding: .75rem; overflow: auto; border-radius: 6px; }
.test { border: 1px solid var(--line); border-radius: 4px; padding: 0 .35rem; font-size: .85em; white-space: nowrap; }
summary { cursor: pointer; }
@media (max-width: 50rem) { body { display: block; } nav { position: static; height: auto; } }
"""
