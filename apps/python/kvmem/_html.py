"""Pictures of answers, for notebooks."""

from html import escape


def _cell(weight):
    if weight is None:
        return "<td>·</td>"
    ink = "#fff" if weight > 0.5 else "inherit"
    return f'<td style="background:rgba(31,119,180,{weight:.3f});color:{ink}">{weight:.2f}</td>'


def answer(found):
    """The answer, and a heat map of the slots that each head read in each hop: slots x (hops x heads)."""
    heads = [(i, j, head) for i, hop in enumerate(found.hops, 1) for j, head in enumerate(hop, 1)]
    texts, weights = {}, {}
    for column, (_, _, head) in enumerate(heads):
        for slot in head:
            texts[slot.slot] = slot.key if slot.key == slot.value else f"{slot.key} → {slot.value}"
            weights[slot.slot, column] = slot.weight
    columns = range(len(heads))
    mass = {slot: sum(weights.get((slot, column), 0) for column in columns) for slot in texts}
    rows = [
        f'<tr><th scope="row" style="text-align:left">{escape(texts[slot])}</th>'
        + "".join(_cell(weights.get((slot, column))) for column in columns)
        + "</tr>"
        for slot in sorted(texts, key=lambda slot: (-mass[slot], slot))
    ]
    paths = [
        "<li>" + escape(path.start + "".join(f" —{s.relation}→ {s.entity}" for s in path.steps)) + f" ({path.weight:.2f})"
        for path in found.paths
    ]
    head = "".join(f'<th scope="col">hop {i}, head {j}</th>' for i, j, _ in heads)
    title = "no answer" if found.text is None else found.text
    picture = f"<div><b>{escape(title)}</b> ({found.certainty:.2f})"
    if rows:
        picture += f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    if paths:
        picture += f"<ul>{''.join(paths)}</ul>"
    return picture + "</div>"
