"""The command line: each command is one call of the library.

Data goes to standard output, messages to standard error. Exit codes: 0 done; 1 error; 2 usage; 3 done, but some
captures could not be read; 4 `verify` found a difference.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from . import __version__
from .errors import IptvForensicsError, is_interrupt, one_line

if TYPE_CHECKING:
    from .analysis import Summary
    from .case import Case
    from .queries import Rows

_FORMATS = ("table", "csv", "tsv", "json", "jsonl", "parquet")
_GRAPHS = ("json", "graphml", "gexf", "csv", "html")
_SOME_UNREAD, _DIFFERENCE = 3, 4
_ROWS_SHOWN = 50


class _Commands(click.Group):
    """Shows expected errors as one line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (IptvForensicsError, OSError) as error:
            from .output import visible

            raise click.ClickException(visible(one_line(error))) from None
        except RuntimeError as error:
            if is_interrupt(error):
                raise KeyboardInterrupt from error
            raise


def _say(line: str) -> None:
    from .output import visible

    click.echo(visible(line), err=True)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="iptvforensics")
def main() -> None:
    """From network captures of seized IPTV set-top boxes to evidence."""
    # Threads for linear algebra, which nothing here does, would spin for a tenth of a second when numpy is loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


_case_argument = click.argument("case_folder", metavar="CASE")
_workers = click.option("--workers", type=click.IntRange(min=1), help="Processor cores to use in all (default: all).")
_evidence = click.option(
    "--evidence", metavar="FOLDER", help="Where the evidence files lie now, if not where they were analysed."
)
_redact = click.option(
    "--redact", is_flag=True, help="Replace user names, passwords, tokens and cookies by pseudonyms of this case."
)


def _output_options(command: Any) -> Any:
    command = click.option("-o", "--output", metavar="FILE", help="Write to a file instead of standard output.")(
        command
    )
    return click.option(
        "-f", "--format", "form", type=click.Choice(_FORMATS), default="table", help="Default: a table for people."
    )(command)


# --- analysing --------------------------------------------------------------------------------------------------


@main.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--case", "case_folder", required=True, metavar="CASE", help="Case folder, made if absent.")
@_workers
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler that is to do the work (extra: cluster).")
@click.option("--force", is_flag=True, help="Analyse again what the case holds already.")
@click.option(
    "--keylog", "keylogs", multiple=True, metavar="FILE", help="Opens TLS and QUIC (SSLKEYLOGFILE); may be repeated."
)
def analyze(
    paths: tuple[str, ...],
    case_folder: str,
    workers: int | None,
    scheduler: str | None,
    force: bool,
    keylogs: tuple[str, ...],
) -> None:
    """Analyse capture files, folders or URLs into a case folder."""
    from .analysis import Options, keylogs_at
    from .analysis.hints import hints
    from .store import Store

    options = Options(keylogs=keylogs_at(keylogs))
    store = Store.create(case_folder)
    missing: list[str] = []
    given = {"workers": workers, "scheduler": scheduler, "force": force, "options": options}
    summaries = _analyze(paths, store, not_derived=missing.append, **given)
    _summarize(summaries)
    for hint in hints(summaries, store, options):
        _say(hint)
    for why in missing:
        _say(f"the tables of the whole case could not be made: {why}")
    _exit_if_unread({s.path: s.error for s in summaries if s.error})
    if missing:
        sys.exit(1)


def _analyze(paths: Sequence[str], store: Any, **options: Any) -> list[Summary]:
    from .batch import analyze_many

    if not sys.stderr.isatty():
        return analyze_many(paths, store, announce=_say, **options)
    from .progress import shown

    with shown(sys.stderr) as progress:
        return analyze_many(paths, store, announce=progress.say, progress=progress, **options)


def _summarize(summaries: Iterable[Summary]) -> None:
    from .output import print_table

    rows = [(s.path, s.capture_id, s.frames, s.rows.get("sessions", 0), s.state) for s in summaries]
    print_table(["path", "capture_id", "frames", "sessions", "state"], rows, sys.stdout)


def _exit_if_unread(unread: dict[str, str]) -> None:
    for path, why in unread.items():
        _say(f"not read: {why if path in why else f'{path}: {why}'}")
    if unread:
        sys.exit(_SOME_UNREAD)


@main.command()
@click.option("-o", "--output", default="iptvforensics-demo", show_default=True, help="Folder for the results.")
@click.option("--samples", metavar="FOLDER", help="Captures to analyse (default: sample_pcaps).")
def demo(output: str, samples: str | None) -> None:
    """Analyse the sample captures; write a case and its graph."""
    from pathlib import Path

    from . import graph as graphs
    from .case import open_case
    from .store import Store

    beside = Path(__file__).resolve().parent.parent / "sample_pcaps"
    places = [Path(samples)] if samples else [Path("sample_pcaps"), beside]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        raise click.ClickException("no folder sample_pcaps here; name one with --samples (they come with the source)")
    target = Path(output)
    summaries = _analyze([str(folder)], Store.create(target / "case"))
    _summarize(summaries)
    with open_case(target / "case") as case:
        graph = case.graph()
        for form in ("html", "json", "graphml"):
            graphs.write(graph, str(target / f"graph.{form}"), form)
    _say(f"case: {target / 'case'}; graph: {target / 'graph.json'}, {target / 'graph.graphml'}")
    _say(f"open {target / 'graph.html'} in a browser (it needs no network)")
    _exit_if_unread({s.path: s.error for s in summaries if s.error})


# --- reading tables ---------------------------------------------------------------------------------------------


@main.command()
@_case_argument
@_output_options
def tables(case_folder: str, form: str, output: str | None) -> None:
    """List the tables of a case: rows, columns, what one row stands for."""
    from .case import open_case
    from .queries import Rows

    with open_case(case_folder) as case:
        columns = ["name", "rows", "columns", "row"]
        _write(Rows(columns, ["VARCHAR", "BIGINT", "BIGINT", "VARCHAR"], iter(case.listing())), form, output)


@main.command()
@_case_argument
@click.argument("table")
@click.option("--columns", metavar="A,B", help="Columns to show, in this order.")
@click.option("--where", metavar="CONDITION", help="SQL condition that rows must meet.")
@click.option("--limit", type=click.IntRange(min=0), help=f"Most rows (a table for people has {_ROWS_SHOWN}).")
@_output_options
@_redact
def show(
    case_folder: str,
    table: str,
    columns: str | None,
    where: str | None,
    limit: int | None,
    form: str,
    output: str | None,
    redact: bool,
) -> None:
    """Show a table of a case."""
    from .case import open_case

    with open_case(case_folder) as case:
        try:
            wanted = [name.strip() for name in columns.split(",")] if columns else None
            found = case.rows(table, wanted, where=where, limit=limit)
        except KeyError as error:
            raise click.ClickException(error.args[0]) from None
        _write(_redacted(case, found) if redact else found, form, output, cut=limit is None)


@main.command()
@_case_argument
@click.argument("query")
@_output_options
@_redact
def sql(case_folder: str, query: str, form: str, output: str | None, redact: bool) -> None:
    """Answer a SELECT over the tables of a case; nothing can be changed."""
    from .case import open_case

    with open_case(case_folder) as case:
        found = case.query(query)
        _write(_redacted(case, found) if redact else found, form, output)


@main.command()
@_case_argument
@click.argument("merge_ids", nargs=-1, metavar="[MERGE_ID]...")
@click.option("--reason", default="", help="Why, for the record.")
@click.option("--redo", is_flag=True, help="Let the merges stand again.")
def unmerge(case_folder: str, merge_ids: tuple[str, ...], reason: str, redo: bool) -> None:
    """Undo merges of entities (table merges); without any, list those that are undone."""
    from .case import open_case

    if merge_ids and not redo and not reason:
        raise click.UsageError("name a reason with --reason: it is kept in the case")
    with open_case(case_folder) as case:
        if merge_ids:
            case.unmerge(*merge_ids, reason=None if redo else reason)
        columns = ["merge_id", "kind", "one", "other", "rule", "reason"]
        _write(case.rows("merges", columns, where="undone"), "table", None)


@main.command()
@_case_argument
@click.option("--mmdb", multiple=True, metavar="FILE", help="Places or autonomous systems, in MaxMind's format.")
@click.option("--oui", multiple=True, metavar="FILE", help="Holders of link-layer addresses: oui.csv of IEEE.")
def enrich(case_folder: str, mmdb: tuple[str, ...], oui: tuple[str, ...]) -> None:
    """Fill the tables places and makers from files that you give; nothing is fetched."""
    from .enrich import enrich as fill
    from .store import Store

    if not mmdb and not oui:
        raise click.UsageError("name at least one file with --mmdb or --oui")
    for name, rows in fill(Store.open(case_folder), mmdb=mmdb, oui=oui).items():
        click.echo(f"{name}: {rows} rows", err=True)


def _redacted(case: Case, found: Rows) -> Rows:
    rows = list(found.rows)  # the secrets of the case are looked for with queries of their own
    return found._replace(rows=case.redactor().rows(found.columns, rows))


def _write(found: Rows, form: str, output: str | None, *, cut: bool = False) -> None:
    """Write rows to a file or to standard output."""
    from itertools import islice

    from .output import lines, print_table, write_parquet

    if form == "parquet":
        if output is None:
            raise click.UsageError("--format parquet needs -o FILE")
        write_parquet(output, found.columns, found.types, found.rows)
        return
    rows = islice(found.rows, _ROWS_SHOWN) if form == "table" and cut and output is None else found.rows
    if output is not None:
        with open(output, "w", encoding="utf-8", newline="") as file:
            file.writelines(lines(form, found.columns, rows))
    elif form == "table":
        print_table(found.columns, rows, sys.stdout)
        if cut and next(found.rows, None) is not None:
            _say(f"... more rows: this table ends after {_ROWS_SHOWN}; see --limit, --format and -o")
    else:
        for line in lines(form, found.columns, rows):
            click.echo(line, nl=False)


@main.command()
@_case_argument
@click.option("-f", "--format", "form", type=click.Choice(_GRAPHS), default="json", show_default=True)
@click.option("-o", "--output", metavar="FILE", help="Write to a file instead of standard output.")
@_redact
def graph(case_folder: str, form: str, output: str | None, redact: bool) -> None:
    """Write the graph of a case: who is who, and clients, streams, hosts, addresses with their relations."""
    from . import graph as graphs
    from .case import open_case

    if output is None and form == "csv":
        raise click.UsageError("--format csv needs -o FILE (it writes a file for nodes and one for edges)")
    with open_case(case_folder) as case:
        graphs.write(case.graph(redact=redact), output or sys.stdout, form)


# --- back to the evidence -----------------------------------------------------------------------------------------


@main.command()
@click.argument("place", metavar="CASE_OR_CAPTURE")
@click.argument("frame_no", type=click.IntRange(min=1))
@click.option(
    "--capture", default="", metavar="ID", help="Which capture of the case (its identifier or the beginning)."
)
@click.option("--with", "tool", type=click.Choice(["scapy", "dpkt", "tshark"]), help="Decoded by this program.")
@_evidence
def frame(place: str, frame_no: int, capture: str, tool: str | None, evidence: str | None) -> None:
    """Show one frame: where it lies, decoded, and its bytes."""
    from .exhibits.frame import described, frame_named
    from .output import visible

    found = frame_named(place, frame_no, capture=capture, evidence=evidence)
    for line in described(found, tool).splitlines():
        click.echo(visible(line))


@main.command()
@_case_argument
@click.argument("capture_id")
@click.argument("flow_id", type=int)
@click.argument("stream_offset", type=int)
@click.option("--from-orig", is_flag=True, help="The originator of the flow sent the body (a request's body).")
@click.option("-o", "--output", required=True, metavar="FILE", help="New file for the body.")
@_evidence
def content(
    case_folder: str,
    capture_id: str,
    flow_id: int,
    stream_offset: int,
    from_orig: bool,
    output: str,
    evidence: str | None,
) -> None:
    """Save a body that a flow carried: a row of `objects`, named by capture, flow and stream offset."""
    from .case import open_case

    with open_case(case_folder, evidence=evidence) as case:
        sha256 = case.save_content(capture_id, flow_id, stream_offset, output, from_orig)
    click.echo(f"{sha256}  {output}")


@main.command()
@_case_argument
@_workers
@_evidence
def verify(case_folder: str, workers: int | None, evidence: str | None) -> None:
    """Hash and analyse the evidence again; say what differs."""
    from .exhibits.verify import verify as verify_case
    from .output import visible
    from .store import Store

    outcome = verify_case(Store.open(case_folder), evidence=evidence, workers=workers)
    for difference in outcome.differences:
        click.echo(visible(f"{difference.capture_id}: {difference.what}"))
    click.echo(f"{outcome.captures} captures, {outcome.tables} tables compared: {len(outcome.differences)} differences")
    if not outcome.is_case_compared:
        _say("the tables of the whole case were not compared: that needs all captures to give the same again")
    if outcome.differences:
        for capture_id, why in outcome.unreadable.items():
            _say(f"not read: {capture_id}: {why}")
        sys.exit(_DIFFERENCE)
    _exit_if_unread(outcome.unreadable)


@main.command()
@_output_options
def protocols(form: str, output: str | None) -> None:
    """List what is recognised and decoded, and with what limits."""
    from .protocols import registry
    from .queries import Rows

    columns = ["name", "title", "carriers", "tables", "specification", "limits"]
    listed = [
        (p.name, p.title, ", ".join(p.carriers), ", ".join(t.name for t in p.tables), p.specification, p.limits)
        for p in registry().values()
    ]
    if form == "table" and output is None:
        for name, title, carriers, names, specification, limits in listed:
            click.echo(
                f"{name}: {title}\n  in: {carriers}\n  tables: {names}\n  by: {specification}\n  limits: {limits}"
            )
        return
    _write(Rows(columns, ["VARCHAR"] * len(columns), iter(listed)), form, output)
