"""What a scaling shop is seen to do: its changes, and locust's history beside them."""

from pathlib import Path

from loadtests.scaling.watch import Load, Parts, Sample, changes, plot, read_load

SAMPLES = [
    Sample(100.0, Parts(2, 1, 1)),
    Sample(102.0, Parts(2, 1, 1)),
    Sample(104.0, Parts(3, 2, 1)),
    Sample(130.0, Parts(3, 1, 1)),
]
LOAD = [Load(101.0, 10, 40.0, 0.0, 5.0, 50.0), Load(103.0, 20, 80.0, 0.0, 6.0, 60.0)]


def test_each_change_has_a_row_with_the_load_of_its_moment() -> None:
    first, up, down = changes(SAMPLES, LOAD).rows
    assert first[1:5] == ("at first", "2", "1", "1")
    assert up == (
        *("4 s", "Api replicas 2 → 3, cart hosts 1 → 2", "3", "2", "1"),
        *("20", "80", "6, 60"),
    )
    assert down[1:] == ("cart hosts 2 → 1", "3", "1", "1", "0", "0", "-")


def test_the_history_of_all_requests_is_read(tmp_path: Path) -> None:
    file = tmp_path / "history.csv"
    file.write_text(
        "Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,99%\n"
        "7,0,,Aggregated,0.0,0.0,N/A,N/A\n"
        "8,3,GET,browse,9.0,0.0,1,2\n"
        "8,3,,Aggregated,12.5,0.5,4,30\n"
    )
    assert read_load(file) == [Load(7, 0, 0, 0, 0, 0), Load(8, 3, 12.5, 0.5, 4, 30)]


def test_it_can_be_drawn(tmp_path: Path) -> None:
    plot(SAMPLES, LOAD, tmp_path / "drawn.svg")
    drawn = (tmp_path / "drawn.svg").read_text()
    assert "</svg>" in drawn
