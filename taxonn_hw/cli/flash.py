"""``taxonn flash``."""

import shlex
import subprocess
from pathlib import Path

import click

from ..errors import UserError
from .common import config_options, console, emit, note

__all__ = ["flash"]


@click.command()
@config_options
@click.option("--board", "board_name", required=True, metavar="B",
              help="Board, such as icebreaker; a wrong name lists them all.")
@click.option("-o", "--out", "out_dir", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder of the build. Default: out/CONFIG-BOARD, as taxonn build has it.")
@click.option("--dry-run", is_flag=True, help="Print the command, run nothing.")
def flash(request, board_name, out_dir, dry_run):
    """Load the bitstream of CONFIG into a board, with openFPGALoader or the board's own program."""
    from ..bitstream.files import bitstream_path, default_folder, find_bitstream
    from ..boards import load_board
    from ..boards.loading import choose_loader, load_command, loader_file
    from ..files import write_file
    from ..flow.pack import dfu_file

    board = load_board(board_name)
    plan = request.network()
    folder = out_dir or default_folder(plan, board)
    if dry_run:
        try:
            loader = choose_loader(board)
        except UserError as error:
            note(f"taxonn: {error}")
            loader = board.loaders[0]
        bitstream = bitstream_path(plan, board, folder)
    else:
        loader = choose_loader(board)
        bitstream = find_bitstream(plan, board, folder)
        if bitstream is None:
            raise UserError(f"no bitstream of this configuration for {board.name} in "
                            f"{str(folder)!r}: run taxonn build with the same options first")
    command = load_command(loader, bitstream)
    for hint in board.notes:
        note(f"{board.name}: {hint}")
    status = None
    if not dry_run:
        if loader.file == "dfu":
            write_file(loader_file(loader, bitstream),
                       dfu_file(bitstream.read_bytes(), vendor=board.dfu[0], product=board.dfu[1]))
        note(shlex.join(command))
        # Its output is the progress; ours has to stay clean for --json.
        status = subprocess.run(command, stdout=2, check=False).returncode
    emit(request.as_json, {"board": board.name, "command": command, "ran": not dry_run,
                           "status": status},
         lambda: console().print(shlex.join(command) if dry_run else
                                 f"loaded {bitstream} into {board.title}" if status == 0 else
                                 f"{loader.program} failed with status {status}: is the board "
                                 "plugged in, and may you use it (udev rules)?", markup=False))
    return 1 if status else 0
