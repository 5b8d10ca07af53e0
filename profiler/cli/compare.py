"""The command `compare`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from profiler.analysis.comparison.result import Options
from profiler.analysis.comparison.words import value_text
from profiler.analysis.flag_words import told_once
from profiler.cli.output import Json, print_json, printable, standard_output, table
from profiler.errors import UnusableArguments
from profiler.exchange.comparison import compare, compare_within, comparison_document
from profiler.exchange.machine_prices import keep_prices, kept_prices
from profiler.exchange.machine_ranking import key_of, rank_files, ranking_document
from profiler.plan.cells import varying_axes
from profiler.records import axis
from profiler.records.machine_price import MachinePrice
from profiler.units import significant

_PRICE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([^\s\d]{0,8})")


def command(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="A B…", help="Session files, the first is the base; a folder is all sessions in it, as one side."),
    ],
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="AXIS", help="Match cells although they differ on this axis; several times or by commas."),
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Compare this figure (ttft_ms.p95), too; several times or by commas.")
    ] = None,
    same_within: Annotated[float, typer.Option(metavar="PERCENT", help="Shifts within ± this count as the same.")] = 5.0,
    baseline: Annotated[
        Path | None, typer.Option(metavar="A", help="The base; exit with 1 when a primary figure got worse.")
    ] = None,
    between: Annotated[
        str, typer.Option(metavar="AXIS", help="Compare cells within one session that differ on this axis, block by block.")
    ] = "",
    machine_price: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE=N[CURRENCY]",
            help="What the machine of this session cost (a.inferometer=1200EUR): the ranking of machines tells the output for so "
            "much money. Kept for the machine; 0 forgets it.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Compare sessions cell by cell: shifts with intervals, and what can be said of them.

    One primary figure a cell (that of the first limit, else output_tok_s) is judged with Holm's correction; others are
    exploratory. How far sessions of one machine differ by themselves is learned from the sessions that are compared, and kept.
    """
    ignored = tuple(name.replace("-", "_") for name in _names(ignore or ()))
    options = Options(ignored, tuple(_names(metric or ())) or None, same_within)
    sides = files if baseline is None else [baseline, *(file for file in files if file.absolute() != baseline.absolute())]
    if between:
        if len(files) != 1 or baseline is not None:
            raise UnusableArguments("--between compares within one session: give one file and no baseline.")
        result = compare_within(files[0], between.replace("-", "_"), options)
    else:
        result = compare(sides, options)
    document = comparison_document(result)
    has_ranking = not between and not any(side.is_dir() for side in sides)
    if machine_price:
        if not has_ranking:
            raise UnusableArguments("--machine-price needs session files to rank: give files, no folder, and no --between.")
        keep_prices(prices_of(machine_price, sides))
    document["ranking"] = ranking_document(rank_files(sides, kept_prices())) if has_ranking else None
    if json:
        print_json(document)
    else:
        _print(document)
    if baseline is not None and result.has_regression:
        raise typer.Exit(1)


def prices_of(texts: Sequence[str], sides: Sequence[Path]) -> dict[str, MachinePrice | None]:
    """The prices given, by the key of each machine; None for one that shall be forgotten.

    Raises:
        UnusableArguments: a text is no price of one of these files.
        BadFile, EnvironmentFault: a file cannot be read.
    """
    found: dict[str, MachinePrice | None] = {}
    for text in texts:
        name, _, told = text.rpartition("=")
        match = _PRICE.fullmatch(told.strip())
        files = [side for side in sides if name and (side.absolute() == Path(name).absolute() or name in (side.name, side.stem))]
        if match is None or len(files) != 1:
            raise UnusableArguments(
                f"--machine-price {text}: give one of the compared files and what its machine cost, {sides[0].name}=1200EUR."
            )
        amount = float(match[1])
        found[key_of(files[0])] = MachinePrice(amount, match[2]) if amount > 0 else None
    return found


def _print(document: Mapping[str, Any]) -> None:
    console = standard_output()
    matched = document["matched"]
    if matched:
        console.print(comparison_table(matched))
    for remark in _remarks(document):
        console.print(printable(remark))
    if document["ranking"] is not None and len({row["machine"] for row in document["ranking"]["machines"]}) > 1:
        _print_ranking(console, document["ranking"])


def _print_ranking(console: Console, ranking: Mapping[str, Any]) -> None:
    console.print()
    console.print(printable(f"Machines for the need: {ranking['need'] or 'no limit is stated, the most output counts'}"))
    columns = [
        ("", True),
        ("machine", False),
        ("file", False),
        ("cell", False),
        ("tok/s", True),
        ("each", True),
        ("tok/s per W", True),
    ]
    prices = [row["price"] for row in ranking["machines"]]
    rows = [
        [
            str(row["rank"] or "–"), row["machine"], row["file"], row["cell"] or row["verdict"] or "–",
            *(value_text(name, row[name]) for name in ("output_tok_s", "user_tok_s", "tok_s_per_watt")),
            *([_per_price(row)] if any(prices) else []),
        ]
        for row in ranking["machines"]
    ]  # fmt: skip
    columns += [("tok/s for the price", True)] if any(prices) else []
    console.print(table(columns, rows))
    for remark in ranking["remarks"]:
        console.print(printable(remark))


def _per_price(row: Mapping[str, Any]) -> str:
    """Output for 1000 of the currency, which is never converted."""
    if row["tok_s_per_1000"] is None:
        return "–"
    return f"{significant(row['tok_s_per_1000'])} per 1000 {row['price']['currency']}".strip()


def comparison_table(matched: Sequence[Mapping[str, Any]]) -> Table:
    """One row a figure: the axes that vary, both values, the shift with its 95 % interval, and the verdict."""
    axes = varying_axes([row[side] for row in matched for side in ("config", "b_config")])
    has_files = len({row["b_file"] for row in matched}) > 1
    columns = [(each.name, each.kind != "text") for each in axes] + ([("b", False)] if has_files else [])
    columns += [("metric", False), ("a", True), ("b", True), ("shift", True), ("95 % interval", True), ("n", True)]
    rows = []
    for row in matched:
        cells = [_both(row["config"].get(each.name), row["b_config"].get(each.name)) for each in axes]
        cells += [row["b_file"]] if has_files else []
        cells += [
            row["metric"],
            value_text(row["metric"], row["a"]),
            value_text(row["metric"], row["b"]),
            _percent(row["shift_percent"]),
            _interval(row),
            _n(row),
        ]
        rows.append([*cells, row["text"] + (" (exploratory)" if row["exploratory"] else "")])
    return table([*columns, ("verdict", False)], rows)


def _remarks(document: Mapping[str, Any]) -> list[str]:
    matched = document["matched"]
    axes = varying_axes([row[side] for row in matched for side in ("config", "b_config")]) if matched else []
    remarks = _judged_by(matched)
    has_files = len({row["b_file"] for row in matched}) > 1
    for row in matched:
        name = f"{_name(row, axes)}, {row['b_file']}" if has_files else _name(row, axes)
        if row["reason"] and not row["exploratory"]:
            remarks.append(f"▲ {name}: {row['reason']} {row['needed']}".rstrip())
        elif row["reason"] and row["shift_percent"] is None:
            remarks.append(f"▲ {name}, {row['metric']}: {row['reason']}")
    remarks += [f"▲ {note}" for note in dict.fromkeys(row["model_note"] for row in matched) if note]
    remarks += _flags(matched)
    spreads = [row for row in matched if row["session_spread_percent"] is not None and not row["exploratory"]]
    if spreads:
        widest = max(spreads, key=lambda row: float(row["session_spread_percent"]))
        how = "assumed: too few sessions of this machine were compared" if widest["session_spread_is_assumed"] else "learned"
        spread = significant(widest["session_spread_percent"], 2)
        remarks.append(f"Sessions of one machine differ by {spread} % in {widest['metric']} ({how}); the intervals hold that.")
    for each in document["unmatched"]:
        remarks.append(f"Only in {each['file']}: {_configuration(each['config'], document)}. {each['reason']}")
    for title, key in (("Machines", "machine_differences"), ("Plans", "plan_differences")):
        for fact in document[key]:
            remarks.append(f"{title} differ, {fact['fact']}: {fact['a']} ({fact['a_file']}), {fact['b']} ({fact['b_file']})")
    remarks += [f"{each['b_file']} against {each['a_file']}: {each['text']}" for each in document["causes"] if each["text"]]
    if not matched:
        remarks.append("No cell of one session is one of the other; --ignore AXIS matches cells that differ on an axis.")
    return remarks


def _judged_by(matched: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which figures decide."""
    primary = list(dict.fromkeys(row["metric"] for row in matched if not row["exploratory"]))
    if len(primary) == len({row["metric"] for row in matched}):
        return []
    return [f"Judged by {', '.join(primary)} (primary); the others are exploratory, each judged as if it were alone."]


def _flags(matched: Sequence[Mapping[str, Any]]) -> list[str]:
    """Doubts about runs that count, each kind once for each side."""
    return [f"▲ {flag}" for flag in told_once((flag for row in matched for flag in row["flags"]), parts=2)]


def _name(row: Mapping[str, Any], axes: Sequence[axis.Axis]) -> str:
    told = [f"{each.name} {_both(row['config'].get(each.name), row['b_config'].get(each.name))}" for each in axes]
    return " · ".join(told) or "the only cell"


def _configuration(config: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """What tells a cell without a partner apart from all others that are told of."""
    told = [each["config"] for each in document["unmatched"]] + [row["config"] for row in document["matched"]]
    axes = varying_axes(told) if len(told) > 1 else []
    return " · ".join(f"{each.name} {config.get(each.name)}" for each in axes) or "its only cell"


def _both(a: Any, b: Any) -> str:
    return str(a) if a == b else f"{a} → {b}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1f} %"


def _interval(row: Mapping[str, Any]) -> str:
    if row["ci_low_percent"] is None:
        return "–"
    return f"{_percent(row['ci_low_percent'])} to {_percent(row['ci_high_percent'])}"


def _n(row: Mapping[str, Any]) -> str:
    runs = f"{row['n_a']}, {row['n_b']}"
    if row["sessions_a"] == row["sessions_b"] == 1:
        return runs
    return f"{runs} in {row['sessions_a']}, {row['sessions_b']}"


def _names(texts: Sequence[str]) -> list[str]:
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]
