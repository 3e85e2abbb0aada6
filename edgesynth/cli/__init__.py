"""The command `edgesynth`: every file of `edgesynth/flow/` with a Command is one subcommand."""

from __future__ import annotations

import dataclasses
import errno
import importlib
import inspect
import os
import pkgutil
import sys
from typing import Any

import click

import edgesynth.flow
from edgesynth.cli.options import argument_help, parameters
from edgesynth.cli.terminal import Terminal
from edgesynth.errors import EdgesynthError
from edgesynth.flow.base import Command

ORDER = (
    "demo",
    "models",
    "targets",
    "train",
    "import",
    "compress",
    "export",
    "render",
    "verify",
    "bench",
    "report",
    "doctor",
)


def command_names() -> list[str]:
    """Every command there is, the usual ones in the order of use."""
    found = [
        m.name.rstrip("_")
        for m in pkgutil.iter_modules(edgesynth.flow.__path__)
        if m.name.endswith("_") or m.name in ORDER
    ]
    return sorted(found, key=lambda n: (ORDER.index(n) if n in ORDER else len(ORDER), n))


def command_class(name: str) -> type[Command]:
    """The Command that `edgesynth/flow/<name>.py` (or `<name>_.py`) defines."""
    package = edgesynth.flow.__name__
    file = f"{name}_" if name == "import" else name
    module = importlib.import_module(f"{package}.{file}")
    kinds = [
        v
        for v in vars(module).values()
        if isinstance(v, type) and issubclass(v, Command) and v.__module__ == module.__name__
    ]
    if len(kinds) != 1:
        raise TypeError(f"{module.__name__} defines {len(kinds)} commands, not one")
    return kinds[0]


def finish(kind: type[Command], options: dict[str, Any], as_json: bool) -> int:
    """Run one command; returns its exit code: 0, 1 for a check that failed, 2 for bad input."""
    ui = Terminal(as_json)
    try:
        table = kind(**options).run(ui)
        if table is None:
            return 0
        ui.result(table)
        return 1 if table.facts.get("failed") else 0
    except EdgesynthError as error:
        ui.close()
        click.echo(f"edgesynth: {error}", err=True)
        return 2
    except ModuleNotFoundError as error:
        ui.close()
        if (error.name or "").split(".")[0] in (
            "edgesynth",
            "compress",
            "targets",
            "firmware_bridge",
        ):
            raise
        click.echo(
            f"edgesynth: this command needs {error.name}: pip install 'edgesynth[compress]'",
            err=True,
        )
        return 2
    except OSError as error:
        ui.close()
        if error.errno not in (
            errno.ENOSPC,
            errno.EACCES,
            errno.EROFS,
            errno.ENOENT,
            errno.EDQUOT,
            errno.EISDIR,
            errno.ENOTDIR,
            errno.EEXIST,
        ):
            raise
        click.echo(f"edgesynth: {error.filename or 'writing'}: {error.strerror}", err=True)
        return 2
    except KeyboardInterrupt:
        ui.close()
        click.echo("edgesynth: stopped; run the same command again to go on from here", err=True)
        return 130


class Commands(click.Group):
    """Subcommands made when they are asked for, so that `--help` imports little."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return command_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in command_names():
            return None
        kind = command_class(cmd_name)
        params = parameters(kind)
        if kind.table:
            params.append(
                click.Option(["--json", "as_json"], is_flag=True, help="print the table as JSON")
            )
        names = {f.name for f in dataclasses.fields(kind)}

        def call(**values: Any) -> None:
            as_json = values.pop("as_json", False)
            sys.exit(finish(kind, {k: v for k, v in values.items() if k in names}, as_json))

        text = inspect.cleandoc(kind.__doc__ or "")
        extra = argument_help(kind)
        return click.Command(
            cmd_name,
            params=params,
            callback=call,
            short_help=text.splitlines()[0],
            help=text + (f"\n\n\b\n{extra}" if extra else ""),
        )


@click.command(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="edgesynth")
def cli() -> None:
    """Take a trained neural synthesizer, make it small, and play it on a small board."""


def main() -> None:
    """Entry point of the command."""
    os.environ.setdefault(
        "OMP_WAIT_POLICY", "passive"
    )  # before torch loads: spinning threads stall shared cores
    try:
        cli(standalone_mode=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
