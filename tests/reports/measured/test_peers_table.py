from strokebench.reports.measured.peers import Measured, peers_table
from strokebench.reports.tables.render import to_markdown

FACTS = {
    "train": 48,
    "validation": 8,
    "columns": 4,
    "image": 32,
    "text": 32,
    "epochs": 5,
    "folds": 3,
    "repeats": 1,
    "seeds": 4,
    "machine": "a machine",
    "labels": ["other 1.0"],
    "versions": [{"torch": "2.13"}, {"torch": "2.13"}],
}


def _measured(key: str, same: bool, peer: list[float], ours: list[float]) -> Measured:
    return Measured(key, "One thread", f"peer {key}", "Concat", same, f"all of {key}", 2_000_000, 1000, peer, ours)


def test_ratios_are_medians_within_turns_with_their_range():
    table = peers_table([_measured("a", True, [2, 20, 15], [1, 2, 5])], FACTS)
    (row,) = table.rows
    shown = {key: cell.text for key, cell in row.cells.items() if cell.text}
    assert shown == {
        "network": "same",
        "peer_seconds": "15.000",
        "ours": "Concat",
        "ours_seconds": "2.000",
        "ratio": "3.0",
        "range": "2.0–10.0",
    }


def test_the_written_table_says_what_is_the_same_and_what_differs():
    text = to_markdown(peers_table([_measured("a", True, [2], [1]), _measured("b", False, [3], [1])], FACTS))
    assert "other 1.0; PyTorch 2.13; a machine" in text
    assert "48 training and 8 validation patients" in text
    assert "peer a beside Concat. What differs: all of a." in text
    assert "peer b" in text and "other" in text and "2.00 M" in text
