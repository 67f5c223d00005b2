"""What is said of the speed of encoding is what passed the progress callback."""

from strokebench.datasets.encoders.encode import Throughput


class Clock:
    """Time that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_step_has_its_own_time_and_everything_is_passed_on():
    clock, told = Clock(), []
    throughput = Throughput(lambda *event: told.append(event), clock)
    events = [
        (0, ("images", 0, 729)),
        (35, ("images", 400, 729)),
        (70, ("images", 729, 729)),
        (80, ("texts", 0, 3645)),
        (140, ("texts", 3645, 3645)),
    ]
    for second, event in events:
        clock.now = 100.0 + second
        throughput(*event)
    assert told == [event for _, event in events]
    assert throughput.facts() == "729 images in 70 s (10.4/s), 3,645 texts in 60 s (60.8/s)"


def test_nothing_is_said_when_nothing_was_encoded():
    throughput = Throughput(lambda *_: None)
    assert throughput.facts() == ""
    throughput("images", 0, 5)
    assert throughput.facts() == ""
