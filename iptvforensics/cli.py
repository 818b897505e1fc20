"""The command line: each command is one call of the library."""

from __future__ import annotations

import sys

import click

from . import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="iptvforensics")
def main() -> None:
    """From network captures of seized IPTV set-top boxes to evidence."""


@main.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--case", "case_folder", required=True, help="Case folder, made if absent.")
@click.option("--workers", type=click.IntRange(min=1), help="Processor cores to use in all (default: all).")
@click.option("--force", is_flag=True, help="Analyse again what the case holds already.")
def analyze(paths: tuple[str, ...], case_folder: str, workers: int | None, force: bool) -> None:
    """Analyse capture files, folders or URLs into a case folder."""
    from .batch import analyze_many
    from .store import Store

    def announce(line: str) -> None:
        click.echo(line, err=True)

    summaries = analyze_many(paths, Store.create(case_folder), workers=workers, force=force, announce=announce)
    for summary in summaries:
        state = summary.error or ("known already" if summary.skipped else "analysed")
        sessions = summary.rows.get("sessions", 0)
        click.echo(
            f"{summary.path}  {summary.capture_id or '-'}  {summary.frames} frames  {sessions} sessions  {state}"
        )
    if any(summary.error for summary in summaries):
        sys.exit(3)
