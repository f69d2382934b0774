"""The freeze: what it covers, what it leaves out, and how a change is noticed and named."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import enpire
from enpire.core.errors import BadInput, Damaged
from enpire.core.files import sha256_file
from enpire.environment import freeze
from enpire.environment.frozen_files import JudgeChanged, Watch, folder_lines

PACKAGE = Path(enpire.__file__).parent


def test_everything_that_judges_is_in_it_and_the_rest_is_not():
    names = set(freeze.own_files())
    for name in ("rollout/trial.py", "environment/rules.py", "statistics/one_sample.py", "core/seeds.py"):
        assert f"enpire/{name}" in names
    assert {"enpire/ledger/state.py", "enpire/tasks/_gymnasium.py", "enpire/environment/freeze.py"} <= names
    others = ("enpire/dashboard", "enpire/agents", "enpire/cli", "enpire/evolution", "enpire/policy_improvement")
    assert not [name for name in names if name.startswith(others) or "__pycache__" in name]


def test_a_manifest_says_the_same_twice_and_its_root_follows_from_its_lines():
    a, b = (freeze.manifest("x", {}, {"option/noise": "1.0"}) for _ in range(2))
    assert a == b and a.root == freeze.root_of(a.judge)
    assert freeze.manifest("x", {}, {"option/noise": "2.0"}).root != a.root
    assert a.judge["library/numpy"] and a.judge["python"]
    assert "enpire/everything else" in a.recorded


def test_what_is_only_recorded_does_not_change_the_root():
    found = freeze.manifest("x", {}, {})
    upgraded = replace(found, recorded={"enpire/everything else": "another dashboard"})
    assert freeze.root_of(upgraded.judge) == found.root


def test_differences_name_every_line_and_show_versions():
    old = {"same": "1", "enpire/rollout/trial.py": "a" * 64, "library/numpy": "2.0", "gone": "x"}
    new = {"same": "1", "enpire/rollout/trial.py": "b" * 64, "library/numpy": "2.1", "new": "x"}
    assert freeze.differences(old, new) == [
        "changed  enpire/rollout/trial.py",
        "removed  gone",
        "changed  library/numpy: 2.0 -> 2.1",
        "added    new",
    ]
    assert freeze.differences(old, old) == []


def test_lines_that_could_be_read_in_two_ways_have_two_roots():
    assert freeze.root_of({"a": "b\nc  d"}) != freeze.root_of({"a": "b", "d": "c"})
    assert freeze.root_of({"a b": "c"}) != freeze.root_of({"a": "b c"})


class TestFiles:
    def test_a_manifest_survives_being_written(self, tmp_path):
        found = freeze.manifest("x", {}, {})
        freeze.write(tmp_path / freeze.FILE, found)
        assert freeze.read(tmp_path / freeze.FILE) == freeze.read(tmp_path) == found

    def test_a_line_changed_by_hand_is_damage(self, tmp_path):
        found = freeze.manifest("x", {}, {})
        path = tmp_path / "m.json"
        freeze.write(path, found)
        plain = json.loads(path.read_text())
        plain["judge"]["python"] = "CPython 2.7"
        path.write_text(json.dumps(plain))
        with pytest.raises(Damaged, match="does not follow from its lines"):
            freeze.read(path)

    @pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", "[" * 100_000, '{"format": 9}'])
    def test_what_is_no_manifest_is_refused(self, tmp_path, text):
        (tmp_path / "m.json").write_text(text)
        with pytest.raises(BadInput, match="is not a manifest"):
            freeze.read(tmp_path / "m.json")

    def test_another_format_is_refused_by_name(self, tmp_path):
        freeze.write(tmp_path / "m.json", replace(freeze.manifest("x", {}, {}), format=9))
        with pytest.raises(BadInput, match="format 9"):
            freeze.read(tmp_path / "m.json")

    def test_a_missing_file_says_what_makes_one(self, tmp_path):
        with pytest.raises(BadInput, match="enpire task freeze"):
            freeze.read(tmp_path)

    def test_explaining_names_files_and_says_when_it_cannot(self, tmp_path):
        old, new = freeze.manifest("x", {}, {"a": "1"}), freeze.manifest("x", {}, {"a": "2"})
        freeze.write(tmp_path / freeze.FILE, old)
        assert freeze.explain(tmp_path / freeze.FILE, new) == "changed a: 1 -> 2"
        assert "restored meanwhile" in freeze.explain(tmp_path / freeze.FILE, old)
        assert "is not known" in freeze.explain(tmp_path / "none.json", new)


class TestWatch:
    @pytest.fixture
    def files(self, tmp_path):
        files = {name: tmp_path / name for name in ("rules.py", "trial.py")}
        for path in files.values():
            path.write_text("x = 1\n")
        return files

    @pytest.fixture
    def watch(self, files):
        watch = Watch(files, {name: sha256_file(path) for name, path in files.items()})
        watch.check()
        return watch

    def test_a_changed_file_is_named(self, files, watch):
        files["rules.py"].write_text("x = 2\n")
        with pytest.raises(JudgeChanged, match=r"rules\.py$"):
            watch.check()

    def test_size_and_time_set_back_do_not_hide_a_change(self, files, watch):
        before = files["rules.py"].stat()
        files["rules.py"].write_text("x = 2\n")
        os.utime(files["rules.py"], ns=(before.st_atime_ns, before.st_mtime_ns))
        after = files["rules.py"].stat()
        assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
        with pytest.raises(JudgeChanged):
            watch.check()

    def test_a_removed_and_a_replaced_file_are_named(self, files, watch):
        files["rules.py"].unlink()
        files["trial.py"].unlink()
        files["trial.py"].write_text("x = 3\n")
        with pytest.raises(JudgeChanged, match=r"rules\.py, trial\.py"):
            watch.check()

    def test_a_file_that_was_only_touched_or_restored_is_fine(self, files, watch):
        os.utime(files["rules.py"])
        watch.check()
        files["rules.py"].write_text("x = 2\n")
        with pytest.raises(JudgeChanged):
            watch.check()
        files["rules.py"].write_text("x = 1\n")
        watch.check()


class TestFolders:
    @pytest.fixture
    def site(self, tmp_path):
        site = tmp_path / "site-packages"
        for name in ("gym_x/__init__.py", "gym_x/sub/rules.so", "gym_x-1.0.dist-info/METADATA", "plain.py"):
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).write_text(name)
        return site

    def test_one_line_per_top_level_name(self, site, tmp_path):
        lines = folder_lines(site, tmp_path / "cache")
        assert set(lines) == {"environment/gym_x", "environment/gym_x-1.0.dist-info", "environment/plain.py"}
        shutil.copytree(site, tmp_path / "other")
        assert folder_lines(tmp_path / "other", tmp_path / "cache2") == lines

    def test_bytecode_and_the_installers_notes_do_not_count(self, site, tmp_path):
        before = folder_lines(site, tmp_path / "cache")
        (site / "gym_x" / "__pycache__").mkdir()
        (site / "gym_x" / "__pycache__" / "a.pyc").write_text("x")
        (site / "gym_x-1.0.dist-info" / "RECORD").write_text("x")
        assert folder_lines(site, tmp_path / "cache") == before

    @pytest.mark.parametrize("name", ["gym_x/__init__.py", "gym_x/sub/rules.so", "gym_x/new.py", "sitecustomize.py"])
    def test_a_changed_or_added_file_changes_its_line_only(self, site, tmp_path, name):
        before = folder_lines(site, tmp_path / "cache")
        old = (site / name).stat() if (site / name).exists() else None
        (site / name).write_text(name[::-1])
        if old is not None:
            os.utime(site / name, ns=(old.st_atime_ns, old.st_mtime_ns))
        after = folder_lines(site, tmp_path / "cache")
        assert {k for k in after if after[k] != before.get(k)} == {f"environment/{name.partition('/')[0]}"}

    def test_a_damaged_cache_is_made_anew(self, site, tmp_path):
        before = folder_lines(site, tmp_path / "cache")
        (tmp_path / "cache").write_text("nonsense")
        assert folder_lines(site, tmp_path / "cache") == before


def test_the_code_that_was_hashed_is_the_code_that_runs():
    assert all(path.is_relative_to(PACKAGE) for path in freeze.own_files().values())
