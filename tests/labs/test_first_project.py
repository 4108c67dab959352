"""What a newcomer does: make the project, build it, break it three times as its README says."""

import os
import re
import subprocess
import sys

import pytest


@pytest.fixture
def headrace(tmp_path):
    def call(*arguments, cwd=tmp_path / "shop"):
        return subprocess.run(
            [sys.executable, "-m", "headrace", *arguments],
            cwd=cwd,
            env={**os.environ, "PYTHONUTF8": "1", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return call


@pytest.fixture
def shop(tmp_path, headrace):
    """A new project that was built once."""
    made = headrace("init", "shop", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    built = headrace("build")
    assert built.returncode == 0, built.stdout + built.stderr
    return tmp_path / "shop"


def replace(path, pattern, text):
    before = path.read_text(encoding="utf-8")
    after = re.sub(pattern, text, before, count=1)
    assert after != before
    path.write_text(after, encoding="utf-8")


def revenue(headrace):
    shown = headrace("show", "revenue_by_store", "--limit", "1000")
    assert shown.returncode == 0, shown.stderr
    return sorted(shown.stdout.splitlines())


def test_a_second_build_is_green_and_comes_to_the_same(shop, headrace):
    before = revenue(headrace)

    again = headrace("build")

    assert again.returncode == 0
    assert revenue(headrace) == before
    assert len(before) > 50


def test_a_value_nobody_declared_fails_its_test_and_readers_keep_what_they_had(shop, headrace):
    before = revenue(headrace)
    replace(shop / "data/orders.csv", ",delivered,", ",unknwon,")

    broken = headrace("build")

    said = broken.stdout + broken.stderr
    assert broken.returncode == 1
    assert "accepted_values" in said
    assert "stg_orders" in said
    assert "skipped" in said
    assert revenue(headrace) == before


def test_an_amount_that_is_no_number_is_kept_in_quarantine_with_its_reason(shop, headrace):
    replace(shop / "data/orders.csv", r"(,delivered),(\d+\.\d\d),", r'\1,"12,50 EUR",')

    headrace("build")

    kept = headrace("quarantine", "ls")
    assert kept.returncode == 0, kept.stderr
    assert "till.orders" in kept.stdout
    assert "total" in kept.stdout


def test_a_name_that_does_not_exist_stops_before_anything_runs(shop, headrace):
    replace(shop / "models/marts/revenue_by_store.sql", r"ref\('stg_orders'\)", "ref('stg_ordrs')")

    broken = headrace("build")

    assert broken.returncode == 2
    assert "HR202" in broken.stderr
    assert re.search(r"models/marts/revenue_by_store\.sql:\d+:\d+", broken.stderr)
    assert "did you mean 'stg_orders'?" in broken.stderr
