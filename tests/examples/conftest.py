"""Examples are run in a copy, so that what they build does not lie about in the repository."""

import shutil

import pytest


@pytest.fixture
def example(tmp_path):
    def copy(folder):
        made = shutil.ignore_patterns("*.duckdb*", ".headrace", "__pycache__")
        return shutil.copytree(folder, tmp_path / folder.name, ignore=made)

    return copy
