"""The command ``vwe find``: search built worlds and the survey."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from vwe_dagster.cli.commands.building import build_worlds, raise_if_failed, world_config
from vwe_dagster.cli.commands.common import DEFAULT_ROWS, SHOWN_SINGLY, AsCsv, InputError, Limit, suggestion
from vwe_dagster.cli.commands.published import PublishedUrl, open_published
from vwe_dagster.cli.console import notices, say
from vwe_dagster.config.home import Home, find_home
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WorldStore
from vwe_dagster.text.commands import vwe_command

if TYPE_CHECKING:
    from vwe_dagster.catalog.search import Answer, Question, SearchScope
    from vwe_dagster.cli.find_view import Form

_LIST_COLUMNS = ""


class FindCommand(TyperCommand):
    """The command whose option ``--columns`` lists all columns if no value follows it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; ``--columns`` without a value gets an empty one."""
        filled = [
            f"{argument}={_LIST_COLUMNS}" if argument == "--columns" and following.startswith("-") else argument
            for argument, following in itertools.pairwise([*args, "-"])
        ]
        return super().parse_args(ctx, filled)


ConditionText = Annotated[
    str | None, typer.Argument(metavar="CONDITION", help='A condition, such as "islands > 230 and swamp < 2200".')
]
QuestionName = Annotated[
    str | None, typer.Option(metavar="NAME", help="Add the condition and preferences of a ready question.")
]
ListQuestions = Annotated[bool, typer.Option("--questions", help="List the ready questions.")]
Preferences = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PREFERENCE",
        help='Rank by a column, smallest value first: "haldor", "start_land desc", "swamp x2" with twice the '
        "weight; can be repeated.",
    ),
]
ExplainedSeed = Annotated[str | None, typer.Option(metavar="SEED", help="Show how a seed ranks in each preference.")]
SortColumn = Annotated[str | None, typer.Option(metavar="COLUMN", help="Sort by a column, largest value first.")]
Ascending = Annotated[bool, typer.Option("--ascending", help="Sort the smallest value first.")]
ColumnNames = Annotated[
    str | None,
    typer.Option(
        metavar="[A,B,...]", help="Show these columns, or 'all'; without a value, list the available columns."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: a list of objects.")]
BuildCount = Annotated[int | None, typer.Option(metavar="N", min=1, help="Build the worlds of the first N seeds.")]


def find(
    condition: ConditionText = None,
    *,
    question: QuestionName = None,
    questions: ListQuestions = False,
    prefer: Preferences = None,
    explain: ExplainedSeed = None,
    sort: SortColumn = None,
    ascending: Ascending = False,
    limit: Limit = None,
    columns: ColumnNames = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    make: BuildCount = None,
    from_: PublishedUrl = None,
) -> None:
    """Find seeds by a condition over the statistics of built worlds and of the survey.

    A condition is in SQL: comparisons of columns, joined by and, or, not. Without one, all seeds match.
    """
    from vwe_dagster.catalog.query_error import QueryError  # noqa: PLC0415
    from vwe_dagster.cli.find_view import Form, show_columns, show_questions  # noqa: PLC0415

    if as_json and as_csv:
        raise InputError("--json and --csv exclude each other; choose one.")
    if make is not None and from_ is not None:
        raise InputError("--make builds worlds in the data folder, which --from does not search; leave out --from.")
    form = Form.JSON if as_json else Form.CSV if as_csv else Form.TABLE
    home = find_home()
    try:
        if columns == _LIST_COLUMNS:
            show_columns(form)
        elif questions:
            show_questions(home.folder, form)
        else:
            wanted = _question(home, condition, question, preferences=prefer or [], sort=sort, ascending=ascending)
            store = WorldStore(home.data) if from_ is None else open_published(home, from_, survey=True)
            if explain is not None:
                _explain(store, wanted, explain, form)
            else:
                answer = _answer(store, wanted, form, columns=columns, limit=limit, published=from_)
                if make is not None:
                    _build_first(home, answer, make)
    except QueryError as error:
        raise InputError(str(error)) from error


def _question(
    home: Home, condition: str | None, name: str | None, *, preferences: list[str], sort: str | None, ascending: bool
) -> Question:
    from vwe_dagster.catalog.names import column_name  # noqa: PLC0415
    from vwe_dagster.catalog.questions import find_question, question_of, ready_questions  # noqa: PLC0415

    ready = None if name is None else find_question(name, ready_questions(home.folder))
    return question_of(
        [] if condition is None else [condition],
        preferences,
        ready=ready,
        sort=None if sort is None else column_name(sort),
        ascending=ascending,
    )


def _answer(
    store: WorldStore,
    question: Question,
    form: Form,
    *,
    columns: str | None,
    limit: int | None,
    published: str | None,
) -> Answer:
    from vwe_dagster.catalog.search import open_search  # noqa: PLC0415
    from vwe_dagster.cli.find_view import Form, show_rows, shown_columns  # noqa: PLC0415

    search, left_out = open_search(store)
    for sentence in left_out.values():
        say(notices(), sentence, "yellow")
    answer = search.ask(question)
    shown = shown_columns(question, columns)
    count = limit or (DEFAULT_ROWS if form is Form.TABLE else None)
    show_rows(answer, shown, count, form)
    _report(answer, question, len(answer) if count is None else min(count, len(answer)), published)
    return answer


def _explain(store: WorldStore, question: Question, seed: str, form: Form) -> None:
    from vwe_dagster.catalog.search import open_search  # noqa: PLC0415
    from vwe_dagster.cli.find_view import show_explanation  # noqa: PLC0415

    if not question.preferences:
        raise InputError("--explain shows preferences; add some with --prefer, or a --question that has them.")
    search, _ = open_search(store)
    show_explanation(search.explain(question, parse_seed(seed)), form)


def _report(answer: Answer, question: Question, shown: int, published: str | None) -> None:
    """Print how many seeds were searched, skipped, matched and shown.

    Args:
        answer: the answer.
        question: the question.
        shown: number of seeds that were shown.
        published: the address of published worlds; None if those of the data folder were searched.
    """
    searched = answer.searched
    if searched.stale_worlds:
        _warn_of_stale_worlds(searched.stale_worlds)
    status = f"see: {vwe_command('survey', 'status')}"
    if searched.stale_rows:
        say(notices(), f"The survey has {_counted(searched.stale_rows, 'stale row')}, not searched; {status}", "yellow")
    for path in searched.damaged_files:
        say(
            notices(),
            f"The survey file {path} is damaged and was not searched; delete it, then survey its seeds again.",
            "yellow",
        )
    is_empty = not (searched.worlds or searched.surveyed or searched.shallow)
    if is_empty and not (searched.stale_worlds or searched.stale_rows or searched.damaged_files):
        say(notices(), _nothing_to_search(published))
        return
    say(notices(), f"{_matches(answer)}{_not_deep(searched)}{_hints(answer, question)}")
    if searched.shallow and not searched.surveyed:
        deepen = vwe_command("survey", "deepen", "--to", str(searched.depth), operands=["true"])
        say(
            notices(),
            f"The survey has no seed of depth {searched.depth}. To survey its {searched.shallow:,} seeds to this "
            f"depth, run the following command; a condition in place of true selects some of them: {deepen}",
        )
    if 0 < shown < len(answer):
        say(notices(), f"{shown:,} of {len(answer):,} are shown; show more with --limit.")


def _nothing_to_search(published: str | None) -> str:
    if published is not None:
        command = vwe_command("publish", "--all", "--survey")
        return f"Nothing is published at {published} yet; publish from the machine that has worlds, with: {command}"
    command, survey = vwe_command("world", operands=["HHcLC5acQt"]), vwe_command("survey", "run", "10000")
    return f"No world has been generated yet; generate one with: {command}, or survey many with: {survey}"


def _matches(answer: Answer) -> str:
    searched = answer.searched
    among = []
    if searched.surveyed:
        among.append(_counted(searched.surveyed, "surveyed seed"))
    if searched.worlds or not among:
        among.append(_counted(searched.worlds, "world"))
    return f"{f'{len(answer):,} of' if len(answer) else 'No match among'} {' and '.join(among)}"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _not_deep(searched: SearchScope) -> str:
    return f"; {searched.shallow:,} not surveyed to depth {searched.depth}." if searched.shallow else "."


def _hints(answer: Answer, question: Question) -> str:
    """Return a suggestion for each seed of the condition that differs from a world only in case."""
    if len(answer) or question.condition is None:
        return ""
    texts = re.findall(r"'([^']+)'", question.condition.text)
    return "".join(dict.fromkeys(suggestion(text, answer.world_keys()) for text in texts))


def _warn_of_stale_worlds(keys: Sequence[str]) -> None:
    if len(keys) <= SHOWN_SINGLY:
        remedy = f"rebuild them with: {vwe_command('world', operands=keys)}"
    else:
        remedy = f"list them with: {vwe_command('find', operands=['stale'])}"
    say(
        notices(),
        f"The statistics of {_counted(len(keys), 'world')} are stale and were not searched; {remedy}",
        "yellow",
    )


def _build_first(home: Home, answer: Answer, count: int) -> None:
    """Build the worlds of the first ``count`` seeds that are not built yet."""
    first = answer.table(["seed", "made_at"], count).to_pylist()
    seeds = [parse_seed(row["seed"]) for row in first if row["made_at"] is None]
    if len(seeds) < len(first):
        say(notices(), f"{len(first) - len(seeds)} of the first {len(first)} are generated already.")
    if seeds:
        raise_if_failed(seeds, build_worlds(home, [(seeds, world_config())]))
