"""The entry point: finds the verb, turns every error into one line and an exit code."""

import importlib
import re
import sys
from importlib import metadata

import click

from ..errors import UserError

__all__ = ["VERBS", "main"]

#: The verbs in the order of ``taxonn --help``; each is a module with a command of that name.
VERBS = ("presets", "check", "generate", "golden", "explore", "simulate", "train", "infer", "asic",
         "build", "flash", "bench", "demo")


class _Verbs(click.Group):
    """Imports a verb's module when it is called for: the libraries are slow to import."""

    def list_commands(self, ctx):
        return list(VERBS)

    def get_command(self, ctx, name):
        if name not in VERBS:
            return None
        return getattr(importlib.import_module(f"{__package__}.{name}"), name)


@click.command(cls=_Verbs, invoke_without_command=True,
               context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(metadata.version("taxonn_hw"), message="taxonn %(version)s")
@click.pass_context
def _taxonn(ctx):
    """Hardware that learns: small networks that train on the chip.

    CONFIG is a TOML file or the name of a preset. Results go to standard output, progress and
    errors to standard error. The exit status is 0 when done, 1 when a check failed, 2 for bad
    input.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(args: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    try:
        status = _taxonn.main(args, prog_name="taxonn", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("taxonn: interrupted", file=sys.stderr)
        return 130
    except click.ClickException as error:
        return _fail(error.format_message())
    except UserError as error:
        return _fail(str(error))
    except BrokenPipeError:  # `taxonn ... | head`
        sys.stderr.close()
        return 1
    except Exception as error:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if not kinds & {"ToolError", "DeviceError"}:  # not imported: slow
            raise
        return _fail(str(error))


def _fail(message: str) -> int:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    text = re.sub(r"\s+", " ", ": ".join(line.rstrip(":") for line in lines))
    print(f"taxonn: error: {text}", file=sys.stderr)
    return 2
