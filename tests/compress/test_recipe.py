"""Recipes: errors name the field and the nearest right one; hashes stay what they were."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import compress
from compress import STAGES, recipe, recipe_names
from compress.criteria import CRITERIA, SCALES
from compress.ticket import Ticket
from compress.trim import Trim
from edgesynth.errors import InputError
from edgesynth.graph import Graph
from edgesynth.recipe import Recipe, help_of
from edgesynth.stage import Context, Outcome, Stage


def parse(text: str) -> Recipe:
    return Recipe.parse(text, STAGES)


def test_stages_are_found_by_their_files() -> None:
    assert sorted(STAGES) == ["fold", "quantize", "ticket", "trim"]
    assert all(issubclass(kind, Stage) for kind in STAGES.values())


@pytest.mark.parametrize("name", sorted(STAGES))
def test_every_field_has_help_a_type_and_a_default(name: str) -> None:
    for field, text in help_of(STAGES[name]).items():
        assert len(text) > 10, f"{name}.{field} has no help"
    assert STAGES[name]() is not None
    assert STAGES[name].__doc__
    assert dataclasses.fields(STAGES[name])


def test_fields_become_a_stage() -> None:
    got = parse('about = "x"\n[[stage]]\nname = "trim"\nkeep = 1\nof = "macs"\nallow_moved = true\n'
                '[[stage]]\nname = "ticket"\nkeep = [0.5, 1e-1]\nsteps = [3]\n')
    assert got.about == "x"
    assert got.steps[0] == ("trim", Trim(keep=1.0, of="macs", allow_moved=True))
    assert got.steps[1] == ("ticket", Ticket(keep=(0.5, 0.1), steps=(3,)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[stage]]\nname = "trim"\nkep = 0.5', "stage 1 (trim): field 'kep' is unknown; "
         "did you mean 'keep'?"),
        ('[[stage]]\nname = "trimm"', "stage 1: name 'trimm' is unknown; did you mean 'trim'?"),
        ('[[stage]]\nname = "trim"\nkeep = 1.5', "(trim): keep is 1.5; it must lie above 0"),
        ('[[stage]]\nname = "trim"\nkeep = "half"', "stage 1 (trim): keep is 'half', not a number"),
        ('[[stage]]\nname = "trim"\nkeep = true', "keep is True, not a number"),
        ('[[stage]]\nname = "trim"\nkeep = nan', "keep is nan, not a finite number"),
        ('[[stage]]\nname = "trim"\nfloor = 2.0', "floor is 2.0, not a whole number"),
        ('[[stage]]\nname = "trim"\nscope = "globel"',
         "scope is 'globel', not one of local, global; did you mean 'global'?"),
        ('[[stage]]\nname = "ticket"\nkeep = 0.5', "keep is 0.5, not an array"),
        ('[[stage]]\nname = "ticket"\nsteps = [1, "2"]', "steps[1] is '2', not a whole number"),
        ('[[stage]]\nname = "fold"\n[[stage]]\nkeep = 0.5', "stage 2 has no name; there are fold"),
        ('[[stage]]\nname = 3', "stage 1: name must be text, not 3"),
        ('[[stages]]\nname = "trim"', "key 'stages' is unknown; did you mean 'stage'?"),
        ('stage = 3', "has no stages"), ("", "has no stages"), ("stage = []", "has no stages"),
        ('about = 3\n[[stage]]\nname = "fold"', "about must be text"),
        ("[[stage", "is not TOML"), ("a = " + "[" * 9999, "is not TOML"),
        ("a = " + "9" * 5000, "is not TOML"),
        ('[[stage]]\nname = "trim"\nkeep = ' + "9" * 400, "keep is inf, not a finite number"),
        ('[[stage]]\nname = "trim"\nkeep = 1979-05-27', "not a number"),
        ('[[stage]]\nname = "ticket"\nkeep = [0.5]\nrounds = 1000000000', "1 to 100 rounds"),
        ('[[stage]]\nname = "trim"\nseed = -1', "seed is -1; it must be at least 0"),
    ],
)
def test_wrong_recipes_get_one_line_that_names_the_mend(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).startswith("recipe")


@pytest.mark.parametrize("kind", [Trim, Ticket])
def test_every_criterion_and_scale_can_be_asked_for(kind: type[Stage]) -> None:
    hints = typing.get_type_hints(kind)
    assert set(typing.get_args(hints["criterion"])) == set(CRITERIA)
    assert set(typing.get_args(hints["scale"])) == set(SCALES)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.dictionaries(
    st.sampled_from(["keep", "steps", "scope", "rounds", "lr", "skip", "of"]),
    st.one_of(st.integers(-9, 9), st.floats(), st.text(max_size=3), st.booleans()), max_size=3,
).map(lambda d: '[[stage]]\nname = "ticket"\n' + "".join(
    f"{k} = {str(v).lower() if isinstance(v, bool | float) else repr(v)}\n" for k, v in d.items())))
def test_any_text_is_a_recipe_or_an_input_error(text: str) -> None:
    try:
        assert parse(text).steps
    except InputError as error:
        assert "\n" not in str(error)


FROZEN = {
    '[[stage]]\nname = "fold"':
        "d0a4c49a5dff7187e0adffe2ec2d9aaae3a6f32ba3a7e126b8119c90bd4eeb17",
    '[[stage]]\nname = "trim"\nkeep = 0.25\nscope = "global"':
        "b03b8003cacfccd2ca60c690fc25ed3b9edec8f8a37863674376e93bd191e3f8",
    '[[stage]]\nname = "ticket"\nkeep = [0.5]\nsteps = [10]\n[[stage]]\nname = "quantize"':
        "a31c3f5d3f08c88c63e23af05f4789f0d7118a154b0be0c22f4a64c8d4a6b999",
}


@pytest.mark.parametrize("text", FROZEN)
def test_hashes_stay_what_they_were(text: str) -> None:
    """Runs on disk are found by these; a new field at its default must not change them."""
    assert parse(text).hash() == FROZEN[text]


def test_defaults_and_about_are_left_out_of_the_hash() -> None:
    bare = parse('[[stage]]\nname = "trim"')
    told = parse(f'about = "hello"\n[[stage]]\nname = "trim"\nkeep = {Trim().keep}\nfloor = 1')
    assert bare.hash() == told.hash() == Recipe((("trim", Trim()),)).hash()
    assert bare.hash() != parse('[[stage]]\nname = "trim"\nfloor = 2').hash()
    twice = parse('[[stage]]\nname = "trim"\n[[stage]]\nname = "trim"')
    assert twice.hash() != bare.hash()


def test_a_new_field_leaves_old_hashes_alone() -> None:
    @dataclasses.dataclass(frozen=True)
    class Old(Stage):
        keep: Annotated[float, "share"] = 0.5

        def run(self, graph: Graph, context: Context) -> Outcome:
            return Outcome(graph, {})

    @dataclasses.dataclass(frozen=True)
    class New(Old):
        extra: Annotated[int, "something new"] = 3

    assert Recipe((("x", Old(0.3)),)).hash() == Recipe((("x", New(0.3)),)).hash()
    assert Recipe((("x", Old(0.3)),)).hash() != Recipe((("x", New(0.3, 4)),)).hash()


@pytest.mark.parametrize("name", recipe_names())
def test_ready_recipes_are_sound(name: str) -> None:
    ready = recipe(name)
    assert ready.about and ready.steps


def test_the_controls_differ_from_the_recipe_in_one_field() -> None:
    base = dict(recipe("ddsp-edge").steps)["ticket"]
    for name, change in (("random", {"criterion": "random"}), ("reinit", {"rewind": "reinit"}),
                         ("weight", {"rewind": "weight"})):
        other = dict(recipe(f"ddsp-edge-{name}").steps)["ticket"]
        assert other == dataclasses.replace(base, **change)


def test_recipes_by_name_and_by_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes((compress.RECIPES / "int8.toml").read_bytes())
    assert recipe(file).hash() == recipe(str(file)).hash() == recipe("int8").hash()
    with pytest.raises(InputError, match=r"no recipe 'nope': no such file, and none of ddsp-edge"):
        recipe("nope")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        recipe(file)
    with pytest.raises(InputError, match="no such file"):
        Recipe.read(tmp_path / "gone.toml", STAGES)
