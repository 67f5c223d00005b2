from strokebench.reports.measured.peers import PAIRS, PeerPair, peers_table
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
    "methods": {pair.ours: pair.ours.capitalize() for pair in PAIRS},
    "versions": [{"torch": "2.13"}, {"torch": "2.13"}],
}
SAME = next(pair for pair in PAIRS if pair.same_network)
OTHER = next(pair for pair in PAIRS if not pair.same_network)


def _turns(pair: PeerPair, peer: list[float], ours: list[float]) -> list[dict]:
    sizes = {"pair": pair.key, "peer_parameters": 2_000_000, "ours_parameters": 1000}
    seconds = zip(peer, ours, strict=True)
    return [{**sizes, "peer_epoch_seconds": p, "ours_epoch_seconds": o, "ratio": p / o} for p, o in seconds]


def test_ratios_are_medians_within_turns_with_their_range():
    table = peers_table(_turns(SAME, [2, 20, 15], [1, 2, 5]), FACTS)
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


def test_turns_of_a_pair_come_together_in_a_row_of_its_own():
    turns = [turn for fold in range(2) for pair in PAIRS for turn in _turns(pair, [4], [fold + 1])]
    table = peers_table(turns, FACTS)
    assert [row.label for row in table.rows] == [pair.label for pair in PAIRS]
    assert len({row.key for row in table.rows}) == len(PAIRS)
    assert table.rows[0].cells["ours_seconds"].text == "1.500" and table.rows[0].cells["peer_seconds"].text == "4.000"


def test_the_written_table_says_what_is_the_same_and_what_differs():
    text = to_markdown(peers_table(_turns(SAME, [2], [1]) + _turns(OTHER, [3], [1]), FACTS))
    assert "other 1.0; PyTorch 2.13; a machine" in text
    assert "48 training and 8 validation patients" in text
    assert f"{SAME.label} beside Concat. What differs: {SAME.differs}." in text
    assert OTHER.label in text and "other" in text and "2.00 M" in text
