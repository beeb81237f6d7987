"""Mermaid: what wikis and chat programs draw."""

from __future__ import annotations

from caelum_report.diagram import Diagram
from caelum_report.text import visible

from .boxes import lines_in, word_of
from .groups import groups_of, lines_of


def _mermaid_text(text: str) -> str:
    """Mermaid reads entities by their number; so every character that could mean something becomes one."""
    return "".join(c if c.isalnum() or c in " .,:-_/()" else f"#{ord(c)};" for c in visible(text, 200))


def mermaid(diagram: Diagram) -> str:
    lines = ["flowchart LR"]
    grouped = groups_of(diagram)
    inside = {index for members in grouped.values() for index in members}

    def box(index: int) -> str:
        node = diagram.nodes[index]
        word = "".join(f"<br/>{_mermaid_text(line)}" for line in (word_of(node), *lines_in(node)) if line)
        kind = f":::{node.status}" if node.status else ""
        return f'n{index}["{_mermaid_text(node.label)}{word}"]{kind}'

    lines += [f"  {box(index)}" for index in range(len(diagram.nodes)) if index not in inside]
    for number, (group, members) in enumerate(grouped.items()):
        lines.append(f'  subgraph g{number}["{_mermaid_text(group)}"]')
        lines += [f"    {box(index)}" for index in members]
        lines.append("  end")
    groups = {group: f"g{number}" for number, group in enumerate(grouped)}
    arrows = {
        "depends-on": "-->",
        "probes": "-.->",
        "runs-on": "---",
        "calls": "-->",
        "takes-down": "==>",
        "spares": "-.->",
    }
    for line in lines_of(diagram, grouped):
        tail = groups[line.from_group] if line.from_group is not None else f"n{line.tail}"
        head = groups[line.to_group] if line.to_group is not None else f"n{line.head}"
        label = f'|"{_mermaid_text(line.label)}"|' if line.label else ""
        lines.append(f"  {tail} {arrows[line.kind]}{label} {head}")
    lines += [
        "  classDef down stroke:#c22a20,stroke-width:3px",
        "  classDef degraded stroke:#c98000,stroke-width:2px",
        "  classDef auth-walled stroke:#76397f,stroke-dasharray:8 3",
        "  classDef unknown stroke:#5c6067,stroke-dasharray:2 3",
        "  classDef maintenance stroke:#1d5a8a,stroke-dasharray:8 3 2 3",
        "  classDef up stroke:#1c6a55",
    ]
    return "\n".join([*lines, ""])
