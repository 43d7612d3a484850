from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpcmock import config
from grpcmock.errors import ConfigError

COMMANDS = {"serve": {"listen", "auto", "stubs", "import-path"}, "check": {"stubs", "strict"}}


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


class TestFind:
    def test_finds_the_nearest_file_upwards(self, tmp_path: Path) -> None:
        far = write(tmp_path, "grpcmock.toml", "")
        assert config.find(tmp_path / "a" / "b") == far
        near = write(tmp_path / "a", "pyproject.toml", "[tool.grpcmock]\n")
        assert config.find(tmp_path / "a" / "b") == near

    def test_its_own_file_goes_before_pyproject(self, tmp_path: Path) -> None:
        write(tmp_path, "pyproject.toml", "[tool.grpcmock]\n")
        own = write(tmp_path, "grpcmock.toml", "")
        assert config.find(tmp_path) == own

    @pytest.mark.parametrize(
        "text", ["[project]\nname = 'x'\n", "# tool.grpcmock\n", "[tool]\ngrpcmock = 1 # tool.grpcmock"]
    )
    def test_a_pyproject_without_the_table_is_passed_over(self, tmp_path: Path, text: str) -> None:
        above = write(tmp_path, "grpcmock.toml", "")
        write(tmp_path / "a", "pyproject.toml", text)
        assert config.find(tmp_path / "a") == above

    def test_a_foreign_pyproject_with_an_error_is_none_of_our_business(self, tmp_path: Path) -> None:
        above = write(tmp_path, "grpcmock.toml", "")
        write(tmp_path / "a", "pyproject.toml", "= not toml")
        assert config.find(tmp_path / "a") == above


class TestRead:
    def test_both_files_say_the_same(self, tmp_path: Path) -> None:
        body = "stubs = ['s']\nimport_path = ['i']\n[{}serve]\nauto = true\n"
        own = config.read(write(tmp_path, "grpcmock.toml", body.format("")))
        project = config.read(write(tmp_path, "pyproject.toml", "[tool.grpcmock]\n" + body.format("tool.grpcmock.")))
        for read in (own, project):
            assert {key: setting.value for key, setting in read.shared.items()} == {
                "stubs": ["s"],
                "import-path": ["i"],
            }
            assert read.commands["serve"]["auto"].value is True
        assert own.commands["serve"]["auto"].location.line == 4
        assert project.commands["serve"]["auto"].location.line == 5

    def test_the_commands_own_setting_goes_before_the_shared_one(self, tmp_path: Path) -> None:
        read = config.read(write(tmp_path, "grpcmock.toml", "stubs = 'a'\nprotos = 'p'\n[serve]\nstubs = 'b'\n"))
        assert [(s.key, s.value) for s in read.settings("serve", COMMANDS["serve"])] == [("stubs", "b")]
        assert [(s.key, s.value) for s in read.settings("check", COMMANDS["check"])] == [("stubs", "a")]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("a = \n", r"grpcmock\.toml:1:5: not valid TOML"),
            ("a = 1\na = 2\n", r"grpcmock\.toml:2:\d+: not valid TOML"),
            ("import-path = 1\nimport_path = 2\n", "grpcmock.toml:2: 'import_path' is set twice"),
            ("[serve]\nimport-path = 1\nimport_path = 2\n", "grpcmock.toml:3: 'import_path' is set twice"),
        ],
    )
    def test_says_where_it_is_wrong(self, tmp_path: Path, text: str, said: str) -> None:
        with pytest.raises(ConfigError, match=said):
            config.read(write(tmp_path, "grpcmock.toml", text)).check({})

    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"no configuration file .*missing\.toml"):
            config.read(tmp_path / "missing.toml")
        with pytest.raises(ConfigError, match="can't be read"):
            config.read(tmp_path)
        (tmp_path / "grpcmock.toml").write_bytes(b"\xff")
        with pytest.raises(ConfigError, match="UTF-8"):
            config.read(tmp_path / "grpcmock.toml")
        with pytest.raises(ConfigError, match=r"no table \[tool\.grpcmock\]"):
            config.read(write(tmp_path, "pyproject.toml", ""))

    @given(text=st.text())
    def test_no_text_raises_anything_but_its_own_error(
        self, text: str, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        file = tmp_path_factory.getbasetemp() / "any.toml"
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        with contextlib.suppress(ConfigError):
            config.read(file).check(COMMANDS)


class TestCheck:
    def test_tells_every_unknown_key_with_its_place_and_the_nearest_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        text = "stub = 's'\nlisten = 'x'\n[serve]\nlisen = 'x'\nauto = true\n[sevre]\na = 1\n[check]\nzzz = 1\n"
        with pytest.raises(ConfigError) as raised:
            config.read(write(tmp_path, "grpcmock.toml", text)).check(COMMANDS)
        assert str(raised.value).splitlines() == [
            "grpcmock.toml:1: there is no key 'stub' here. Did you mean 'stubs'?",
            "grpcmock.toml:2: there is no key 'listen' here. It belongs into the table [serve].",
            "grpcmock.toml:4: [serve] has no key 'lisen'. Did you mean 'listen'?",
            "grpcmock.toml:6: there is no command 'sevre'. Did you mean 'serve'?",
            "grpcmock.toml:9: [check] has no key 'zzz'. Its keys are: strict, stubs.",
        ]

    def test_known_keys_pass(self, tmp_path: Path) -> None:
        text = "stubs = 's'\n[serve]\nauto = true\nimport_path = 'i'\n"
        config.read(write(tmp_path, "grpcmock.toml", text)).check(COMMANDS)
