"""The command line: python -m ktnlib.experiments list | run NAME | report | check."""

import argparse
import ast
import sys
from pathlib import Path

from . import claims, engine


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 where all went well, 1 for a failed claim or a missing file, 2 for a refusal."""
    parser = argparse.ArgumentParser(
        prog="python -m ktnlib.experiments", description="Measure what the book says, record it, check it."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the experiments, their scales, and what each measures")
    run = commands.add_parser("run", help="run one and record it; an interrupted run is continued")
    run.add_argument("name", help="an experiment of `list`, or the path of a .py file that is one")
    run.add_argument("--scale", default="smoke", help="smoke, laptop or paper (default smoke)")
    run.add_argument(
        "--device", default="auto", choices=["auto", "cpu", "cuda"], help="auto: a CUDA card if there is one"
    )
    run.add_argument("--seeds", type=int, help="how many (default: as the scale says)")
    run.add_argument(
        "--root", type=Path, help="for _runs and data/results (default: the repository, else this folder)"
    )
    run.add_argument("--restart", action="store_true", help="throw away what an interrupted run left")
    commands.add_parser("report", help="what is recorded, and what is not yet")
    commands.add_parser("check", help="hold the book's claims against the results; fails on a broken one")
    options = parser.parse_args(arguments)
    try:
        return COMMANDS[options.command](options)
    except engine.RefusedError as refused:
        print(f"error: {refused}", file=sys.stderr)
        return 2
    except (OSError, ImportError) as error:  # data or a package that is not there, a disk that refuses
        print(f"error: {error}", file=sys.stderr)
        return 1


def _list(options: argparse.Namespace) -> int:
    for name, about in engine.experiments().items():
        print(f"{name:<20} {', '.join(_scales(name)):<22} {about}")
    return 0


def _run(options: argparse.Namespace) -> int:
    path = engine.run(
        options.name,
        scale=options.scale,
        device=options.device,
        seeds=options.seeds,
        root=options.root,
        restart=options.restart,
    )
    print(f"recorded in {path}")
    return 0


def _report(options: argparse.Namespace) -> int:
    recorded = claims.results()
    print(f"{'recorded':<26} {'seeds':>5} {'metrics':>7} {'seconds':>7}  {'on (UTC)':<16}  at commit")
    for name, result in recorded.items():
        at = "unknown" if result["commit"] is None else result["commit"][:10] + " + changes" * result["dirty"]
        counts = f"{len(result['seeds']):>5} {len(result['metrics']):>7} {result['wall_seconds']:>7.0f}"
        print(f"{name:<26} {counts}  {result['date'][:16].replace('T', ' '):<16}  {at}")
    for name in engine.experiments():
        for scale in _scales(name):
            if not any(stem == f"{name}-{scale}" or stem.startswith(f"{name}-{scale}-") for stem in recorded):
                print(f"open: {name} at scale {scale} is not recorded")
    for one in claims.claims().values():
        if one.mean is None:
            print(f"open: claim {one.id} ({one.experiment}, {one.scale}, {one.metric}) is not measured")
    return 0


def _check(options: argparse.Namespace) -> int:
    text, good = claims.check()
    print(text)
    return 0 if good else 1


def _scales(name: str) -> list[str]:
    """The scales of an experiment, read from its file without importing it."""
    tree = ast.parse((engine.ROOM / f"{name.replace('-', '_')}.py").read_bytes())
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "SCALES":
            return [ast.literal_eval(key) for key in node.value.keys]  # what a scale sets may need imports
    return []


COMMANDS = {"list": _list, "run": _run, "report": _report, "check": _check}

if __name__ == "__main__":
    sys.exit(main())
