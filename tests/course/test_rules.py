"""What the rules' checker refuses in a source, and what it must leave alone."""

import ast
import re
import shutil
from pathlib import Path

import jupytext
import pytest

from helpers.course import names
from helpers.course.build import solution, student
from helpers.course.lint import lint
from helpers.errors import CourseError

HERE = Path(__file__).parent
GOOD = HERE / "good" / "01_good.py"
CELLS = len(jupytext.read(GOOD, fmt="py:percent").cells)


BEFORE = GOOD.read_text() + "\n# %% [markdown]\n# A line.\n" * (100 - CELLS)  # so the first bad cell is number 101


@pytest.fixture
def broken(tmp_path):
    """What the checker says of a notebook that keeps every rule and then has some cells that may not."""

    def problems(cells):
        source = tmp_path / "01_good.py"
        source.write_text(f"{BEFORE}\n{cells}")
        return [problem.removeprefix("01_good.py: ") for problem in lint(source)]

    return problems


def rules(name):
    return (HERE / "bad" / "rules" / f"{name}.py").read_text()


LOOK_ALIKES = (
    "### BEGIN  SOLUTION",
    "### begin solution",
    "# BEGIN SOLUTION",
    "###BEGIN SOLUTION",
    "### BEGIN SOLUTON",
    "### BEIGN SOLUTION",
    "### BEGIN SOLUTI0N",
    "### BEGIN\N{NO-BREAK SPACE}SOLUTION",
    "### BEGIN_SOLUTION: the loop",
    "#### BEGIN SOLUTION",
    "### BEGIN SOLUTIONS",
    "x = 1  ### BEGIN SOLUTION",
    "x = 1  # begin solution",
    "    ### Begin Solution",
    "### END OF SOLUTION",
    "### NED SOLUTION",
    "### SOLUTION",
    "### BEGIN HIDDEN TESTS",
)


@pytest.mark.parametrize("line", LOOK_ALIKES)
def test_what_looks_like_a_marker_and_is_none_is_refused(tmp_path, broken, line):
    cell = f"\n# %%\nif True:\n    print()\n{line}\n"
    (problem,) = (problem for problem in broken(cell) if "looks like a solution marker" in problem)
    assert repr(line.strip()) in problem
    for make in (student, solution):
        with pytest.raises(CourseError, match=r"01_good\.py, cell 101: .*looks like a solution marker"):
            make(tmp_path / "01_good.py")


def test_a_second_solution_with_a_misspelt_marker_does_not_reach_the_students(tmp_path):
    source = Path(shutil.copy(GOOD, tmp_path))
    second = "### BEGIN  SOLUTION\nanswer = 42\n### END  SOLUTION"
    source.write_text(source.read_text().replace("### END SOLUTION\n", f"### END SOLUTION\n{second}\n", 1))
    with pytest.raises(CourseError, match="looks like a solution marker"):
        student(source)


def test_a_marker_in_a_text_cell_is_seen_and_a_title_is_none(broken):
    assert broken("# %% [markdown]\n# ## Solutions of equations\n#\n# ### Solution\n") == []
    assert len(broken("# %% [markdown]\n# ### BEGIN  SOLUTION\n")) == 1


@pytest.mark.parametrize(
    "line",
    [
        "# the solution of this equation is unique",
        "# begin with the largest, so that the solution is stable and it ends",
        "# end of the loop",
        "# resolution",
        "# at the end of the evolution",
        'print("# a solution")',
    ],
)
def test_other_comments_are_no_markers(broken, line):
    assert broken(f"# %%\n{line}\nprint()\n") == []


def test_a_comment_that_becomes_a_command_is_refused(broken):
    problems = broken(rules("commands"))
    assert [problem[:50] for problem in problems if "becomes the command" in problem] == [
        "cell 101: '# %matplotlib inline' becomes the comma",
        "cell 101: '# cat file' becomes the command 'cat fi",
        "cell 101: '# what?' becomes the command 'what?' in",
        "cell 102: '# !ls the pictures' becomes the command",
        "cell 103: '# %%time' becomes the command '%%time' ",
    ]
    assert problems[5:] == ["cell 101: not valid Python ('%matplotlib inline')"]  # for "cat file" is none


def test_prose_is_at_most_a_hundred_columns_wide(broken):
    problems = broken(rules("prose"))
    assert [problem.split(" columns")[0] for problem in problems] == ["cell 101: 109", "cell 101: 101", "cell 101: 107"]
    assert all(problem.endswith("wrap or shorten it") for problem in problems)


def test_a_name_with_two_meanings_is_refused_and_so_is_a_change_in_place(broken):
    problems = broken(rules("names"))
    assert [re.split(r": (?=when|a name|run)|, so ", problem)[0] for problem in problems] == [
        "'width' is given in cells 101, 102 and taken in cell 103",  # a model card of 32 by 1.45 pixels
        "'pictures' is given in cells 101, 104 and taken in cell 105",  # a loop; the next cell wants the array
        "'table' is a table in cell 101, a dict in cell 103",  # what the slider calls reads it
        "'rng' is a random generator of cell 101, and cell 104 goes on with it",
        "'firsts' is an iterator of cell 101, and cell 104 goes on with it",
        "cell 104: parts.append(...) changes in place what cell 101 made",
        "cell 104: table['a'] += 1 changes in place what cells 101, 103 made",
        "cell 104: model.fit(...) changes in place what cell 101 made",
        "cell 105: parts.insert(...) changes in place what cell 101 made",
    ]


def problems_of_names(*cells):
    return list(names.problems([names.names_of(n, ast.parse(cell)) for n, cell in enumerate(cells, start=1)]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("found['d'] = 4", "found['d'] = ..."),
        ("found |= {'d': 4}", "found |= {'d': 4}"),
        ("del found['a']", "del found['a']"),
        ("found.update(d=4)", "found.update(...)"),
        ("found['a'].sort()", "found['a'].sort(...)"),
        ("found.where('a', inplace=True)", "found.where(...)"),
        ("found.width = 3", "found.width = ..."),
        ("def more():\n    found['d'] = 4", "found['d'] = ..."),
        ("def more():\n    global found\n    found = 4", "global found"),
    ],
)
def test_every_way_to_change_a_thing_in_place_is_seen(change, words):
    (problem,) = problems_of_names("found = make()", change)
    assert problem.startswith(f"cell 2: {words} changes in place what cell 1 made")


@pytest.mark.parametrize(
    "second",
    [
        "for found in (1, 2):\n    pass",
        "with open('x') as found:\n    pass",
        "first, *found = (1, 2, 3)",
        "def found():\n    pass",
        "print(found := 3)",
        "[found := part for part in (1, 2)]",
        "if seed:\n    found = other()\nelse:\n    found = None",
        "found = found + 1",
        "import something as found",
    ],
)
@pytest.mark.parametrize(
    "reader",
    ["print(found)", "def show():\n    return found", "button.on_click(lambda _: found)", "[found for _ in 'a']"],
)
def test_every_way_to_give_and_to_take_a_name_is_seen(second, reader):
    (problem,) = problems_of_names("found = make()", second, reader)
    assert problem.startswith("'found' is given in cells 1, 2 and taken in cell")


@pytest.mark.parametrize(
    "second",
    [
        "found = make()",
        "def show():\n    found = 1\n    return found",
        "[found for found in (1, 2)]",
        "print(lambda found: found)",
    ],
)
def test_the_same_thing_twice_and_a_name_of_a_functions_own_are_no_second_meaning(second):
    assert problems_of_names("found = make()", second, "print(found)") == []


def test_what_a_cell_gives_itself_before_it_takes_it_is_its_own():
    best = "{0} = make()\nbest = max(parts, key=lambda part: {0}[part])"
    assert problems_of_names("parts = load()", best.format("found"), f"found = other()\n{best.format('found')}") == []
    kept = problems_of_names("found = make()\nwidgets.interact(lambda part: found[part])", "found = other()")
    assert len(kept) == 1  # the slider calls its function later, when the name means something else

    both_ways = "if seed:\n    found = one()\nelse:\n    found = other()\nprint(found)"
    assert problems_of_names("found = make()", both_ways) == []
    assert len(problems_of_names("found = make()", "if seed:\n    found = one()\nprint(found)")) == 1
    assert len(problems_of_names("found = make()", "[found := found + part for part in (1, 2)]")) == 1


def test_what_can_be_run_again_is_left_alone(broken):
    assert broken(rules("again")) == []


def test_the_core_leans_on_no_deeper_cell_and_titles_say_what_is_deeper(broken):
    assert [problem.split(", tagged 'deeper', which")[0] for problem in broken(rules("deeper"))] == [
        "cell 109: takes 'extra' from cell 104",
        "cell 109: takes 'more' from cell 104",
        "cell 109: takes 'stray' from cell 108",
        "cell 106: not tagged 'deeper', and the title above it ends in ' *'",
        "cell 108: tagged 'deeper', and the title above it does not end in ' *'",
    ]


def test_what_the_core_makes_later_does_not_help_it_before():
    trees = [ast.parse(cell) for cell in ("extra = 1", "print(extra)", "extra = 1")]
    cells = [names.names_of(n, tree, deeper=n == 1) for n, tree in enumerate(trees, start=1)]
    assert [problem[:36] for problem in names.problems(cells)] == ["cell 2: takes 'extra' from cell 1, t"]


def test_exercises_stand_in_their_steps_and_checks_do_not_tell(broken):
    first, *rest = [problem for problem in broken(rules("reading")) if "exercise" in problem or "answer" in problem]
    assert first == "cell 102: an exercise under 'Exercises': it stands inside the step that it belongs to"
    assert rest == [
        "cell 103: the check contains a line of the answer ('(max(counts) / sum(counts), total + 0 * len(counts))'): "
        "try its behaviour instead"
    ]


def test_a_title_that_tells_an_outcome_is_computed(broken):
    found = [problem for problem in broken(rules("reading")) if "the title" in problem]
    assert [problem.split(" says how it came out ")[0] for problem in found] == [
        "cell 105: the title 'No score notices every stranger'",
        "cell 105: the title 'Fog falls by …'",
        "cell 105: the title 'The largest of all'",
        "cell 105: the title 'All of this costs …'",
        "cell 105: the title 'the best in fog'",
    ]


def test_records_of_deeper_cells_say_so_and_those_of_the_core_do_not(broken):
    assert [problem for problem in broken(rules("reading")) if "a record" in problem] == [
        "cell 106: a record in a core cell says no core=False",
        "cell 108: a record in a deeper cell says core=False",
    ]


def test_an_hour_holds_so_much_and_what_is_deeper_or_to_read_later_does_not_count(tmp_path):
    def counted(cells):
        source = tmp_path / "01_good.py"
        source.write_text(GOOD.read_text() + cells)
        return [problem for problem in lint(source) if "an hour holds" in problem]

    prose = "\n# %% [markdown]\n" + "# word word word word word\n" * 600
    assert counted("\n# %%\nprint()\n" * 30 + "\n# %% [markdown]\n# ## Step 2\n" * 11) == []
    assert ["53 code cells" in problem for problem in counted("\n# %%\nprint()\n" * 42)] == [True]
    assert ["13 steps" in problem for problem in counted("\n# %% [markdown]\n# ## Step 2\n" * 12)] == [True]
    assert len(counted(prose)) == 1
    assert counted(prose.replace("# word", "# **Further reading**\n# word", 1)) == []
    deeper = prose.replace("[markdown]\n", '[markdown] tags=["deeper"]\n# ## Step 2: more *\n')
    assert counted(deeper) == []


def test_the_first_exercise_comes_early(tmp_path):
    source = tmp_path / "01_good.py"
    text = GOOD.read_text()
    source.write_text(
        text.replace("# %% [markdown]\n# ## Step 1", "# %% [markdown]\n# One.\n\n" * 9 + "# %% [markdown]\n# ## Step 1")
    )
    (problem,) = lint(source)
    assert "the first exercise, and the first quarter of 23 cells ends before" in problem
