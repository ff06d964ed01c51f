import environment
import pytest


@pytest.fixture
def linux(monkeypatch):
    monkeypatch.setattr(environment.sys, "platform", "linux")
    monkeypatch.setattr(environment, "nvidia_driver", lambda: False)
    monkeypatch.setattr(environment, "reachable", lambda host: True)
    return monkeypatch


def test_without_a_driver_the_cpu_build_is_asked_for_beside_the_usual_index(linux):
    command = environment.torch_command("torch==2.13.0")
    assert command == ["torch==2.13.0", "--extra-index-url", "https://download.pytorch.org/whl/cpu"]


def test_with_a_driver_the_default_build_is_taken(linux):
    linux.setattr(environment, "nvidia_driver", lambda: True)
    assert environment.torch_command("torch==2.13.0") == ["torch==2.13.0"]


def test_an_index_that_cannot_be_reached_is_skipped(linux):
    linux.setattr(environment, "reachable", lambda host: False)
    assert environment.torch_command("torch==2.13.0") == ["torch==2.13.0"]


def test_on_a_mac_the_default_build_is_the_cpu_build(linux):
    linux.setattr(environment.sys, "platform", "darwin")
    assert environment.torch_command("torch==2.13.0") == ["torch==2.13.0"]


def test_an_unknown_host_counts_as_unreachable():
    assert not environment.reachable("no-such-host.invalid")


def test_an_old_python_is_told_what_to_do(monkeypatch):
    monkeypatch.setattr(environment.sys, "version_info", (3, 10, 1))
    with pytest.raises(SystemExit, match=r"wanted 3\.11 or newer: `make book PYTHON=python3\.12`"):
        environment.main()


def test_a_python_without_venv_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "STAMP", tmp_path / "none")
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="apt-get install python3-venv"):
        environment.main()


def test_a_complete_environment_is_left_alone(monkeypatch, tmp_path):
    stamp = tmp_path / "stamp"
    stamp.write_text(environment.wanted())
    monkeypatch.setattr(environment, "STAMP", stamp)
    monkeypatch.setattr(environment.subprocess, "run", lambda *_, **__: pytest.fail("it installed something"))
    environment.main()


def test_changed_requirements_ask_for_a_new_environment(monkeypatch, tmp_path):
    before = environment.wanted()
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).write_text("torch==0\n")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    assert environment.wanted() != before
