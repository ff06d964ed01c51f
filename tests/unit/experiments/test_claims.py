import json
import re

import pytest

from ktnlib.experiments.claims import check, claim, claims, quantity

ENTRY = """
[[claim]]
id = "{id}"
chapter = 0
text = "a thing is so"
experiment = "thing"
scale = "smoke"
metric = "{metric}"
{bounds}
"""


def folder(tmp_path, *entries, values=(1.0, 1.2, 1.1), unit="%"):
    claims.cache_clear()
    (tmp_path / "claims.toml").write_text("\n".join(entries))
    (tmp_path / "results").mkdir(exist_ok=True)
    mean = sum(values) / len(values)
    spread = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
    metric = {"values": list(values), "mean": mean, "std": spread, "unit": unit}
    result = {"date": "2026-01-02T03:04:05+00:00", "metrics": {"size": metric}}
    (tmp_path / "results" / "thing-smoke.json").write_text(json.dumps(result))
    return tmp_path


def entry(bounds, id="one", metric="size"):
    return ENTRY.format(id=id, metric=metric, bounds=bounds)


def test_a_claim_knows_its_value_spread_unit_and_count(tmp_path):
    one = claims(folder(tmp_path, entry("at_most = 1.2")))["one"]
    assert str(one) == "1.10 ± 0.10 %"
    assert (one.n, one.date, one.verdict) == (3, "2026-01-02", "holds")
    assert one.slack == pytest.approx(0.1)


def test_claims_that_hold_pass_the_check_with_their_slack(tmp_path):
    text, good = check(folder(tmp_path, entry("at_least = 0.95\nat_most = 1.2")))
    assert good
    assert "one" in text
    assert "at least 0.95 and at most 1.2" in text
    assert re.search(r"slack 0\.1$", text, re.MULTILINE)
    assert "1 of 1 claims hold" in text


@pytest.mark.parametrize(
    ("bounds", "metric", "verdict"),
    [
        ("at_most = 1.05", "size", "broken"),
        ("at_least = 1.15", "size", "broken"),
        ("at_least = 0.95\nat_most = 1.05", "size", "broken"),
        ("at_most = 1.35", "size", "too loose"),
        ("at_least = 0.5", "size", "too loose"),
        ("at_least = 1.0\nat_most = 9.0", "size", "too loose"),
        ("at_most = 1.2", "length", "not measured"),
    ],
)
def test_broken_unmeasured_and_loose_claims_fail_the_check(tmp_path, bounds, metric, verdict):
    text, good = check(folder(tmp_path, entry("at_most = 1.2", "fine"), entry(bounds, metric=metric)))
    assert not good
    assert f"{verdict}: one" in text
    assert "1 of 2 claims hold" in text


def test_a_claim_without_its_result_file_is_unmeasured(tmp_path):
    place = folder(tmp_path, entry("at_most = 1.2"))
    (place / "results" / "thing-smoke.json").unlink()
    text, good = check(place)
    assert not good
    assert "run `python -m ktnlib.experiments run thing --scale smoke`" in text


def test_a_bound_may_lie_a_tenth_away_where_nothing_spreads(tmp_path):
    _, good = check(folder(tmp_path, entry("at_most = 2.2"), values=(2.0, 2.0)))
    assert good
    _, good = check(folder(tmp_path, entry("at_most = 2.3"), values=(2.0, 2.0)))
    assert not good


def test_what_is_zero_but_for_rounding_may_be_bounded_by_rounding(tmp_path):
    _, good = check(folder(tmp_path, entry("at_most = 1e-9"), values=(3e-16, 2e-16), unit=""))
    assert good
    _, good = check(folder(tmp_path, entry("at_most = 1e-6"), values=(3e-16, 2e-16), unit=""))
    assert not good


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (entry("at_most = 1").replace("chapter = 0", ""), "claim 'one' lacks chapter"),
        (entry("at_most = 1\nmost = 2"), "claim 'one' has most; wanted at_least, at_most"),
        (entry(""), "claim 'one' bounds nothing"),
        (entry("at_most = nan"), r"claim 'one' is bounded by \[nan\]; wanted finite numbers"),
        (entry('at_least = "much"'), r"claim 'one' is bounded by \['much'\]"),
        (entry("at_most = 1\npaper = 2"), "claim 'one' quotes a paper; give `source` and `verified`"),
        (entry("at_most = 1") * 2, "claim 'one' stands twice"),
    ],
)
def test_a_malformed_entry_is_refused_by_name(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        claims(folder(tmp_path, text))


def test_asking_for_a_claim_that_is_not_there_lists_those_that_are(tmp_path, monkeypatch):
    place = folder(tmp_path, entry("at_most = 1.2"), entry("at_most = 1.2", "two", "length"))
    monkeypatch.setattr("ktnlib.experiments.claims.shipped", lambda *parts: place.joinpath(*parts))
    assert claim("one").mean == pytest.approx(1.1)
    with pytest.raises(ValueError, match=r"there is no claim 'three' in data/claims\.toml; it has one, two"):
        claim("three")
    with pytest.raises(
        ValueError, match=r"claim 'two' is not measured; run `python -m ktnlib\.experiments run thing"
    ):
        claim("two")
    claims.cache_clear()


@pytest.mark.parametrize(
    ("mean", "std", "unit", "printed"),
    [
        (0.67831, 0.01234, "", "0.678 ± 0.012"),
        (97.26, 0.4, "%", "97.3 ± 0.4 %"),
        (1234.5, 56.0, "ms", "1234 ± 56 ms"),
        (0.5, 0.0999, "", "0.50 ± 0.10"),
        (3e-16, 1e-16, "", "0"),
        (-2.5, None, "dB", "-2.50 dB"),
        (33.203, 0.0, "%", "33.2 %"),
        (0.0004321, 0.00002, "", "0.00043 ± 0.00002"),
    ],
)
def test_a_quantity_is_printed_to_the_digits_its_spread_allows(mean, std, unit, printed):
    assert quantity(mean, std, unit) == printed


def test_every_claim_of_the_book_holds():
    text, good = check()
    assert good, text
