"""Write the types of Python's keyword arguments from the fields that define the options.

Type checkers and editors read them: `clearsight.train("digits", epoch=2)` is marked as a mistake.
"""

import textwrap
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from clearsight.data.sources.options import SourceOptions
from clearsight.options import OptionField, may_change_on_resume, option_fields
from clearsight.run.exercises.request import TrialRequest
from clearsight.run.request import TrainRequest

_PACKAGE = Path(__file__).parents[1] / "src" / "clearsight"
_SOURCE_KEYWORDS = '''"""The types of the options of `load_data`.

Written by docs/make_option_types.py from the fields that define the options; a test compares.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypedDict
'''
_RUN_KEYWORDS = '''"""The types of the options of `train`, `resume` and `exercise`.

Written by docs/make_option_types.py from the fields that define the options; a test compares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from clearsight.data.sources.keywords import SourceKeywords

if TYPE_CHECKING:
    from clearsight.models.backend import keras
    from clearsight.training.recipe import Recipe
'''


def generated_files() -> dict[Path, str]:
    """Return what each generated file should hold."""
    resumed = may_change_on_resume(TrainRequest, SourceOptions)
    in_run = (
        _typed_dict("TrainKeywords", "train", option_fields(TrainRequest), "SourceKeywords"),
        _typed_dict("ResumeKeywords", "resume", resumed),
        _typed_dict("TrialKeywords", "exercise", option_fields(TrialRequest)),
    )
    of_source = _typed_dict("SourceKeywords", "load_data", option_fields(SourceOptions))
    return {
        _PACKAGE / "data" / "sources" / "keywords.py": _SOURCE_KEYWORDS + of_source,
        _PACKAGE / "run" / "keywords.py": _RUN_KEYWORDS + "".join(in_run),
    }


def _typed_dict(
    name: str, function: str, options: Iterable[OptionField], base: str = "TypedDict"
) -> str:
    lines = ["", "", f"class {name}({base}, total=False):", f'    """Options of `{function}`."""']
    for each in options:
        kind = each.option.accepts or _type_text(each.field.annotation)
        # A type checker shows what stands below a key as its documentation.
        text = textwrap.fill(f'r"""{each.python_help}"""', 96, break_on_hyphens=False)
        lines += ["", f"    {each.name}: {kind}", textwrap.indent(text, "    ")]
    return "\n".join(lines) + "\n"


def _type_text(kind: Any) -> str:
    """Return a field's type as text, as a user may give it: paths may be strings."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _type_text(inner[0])
    if origin in (Union, types.UnionType):
        return " | ".join(map(_type_text, inner))
    if origin is Literal:
        values = (f'"{value}"' if isinstance(value, str) else repr(value) for value in inner)
        return f"Literal[{', '.join(values)}]"
    if origin is dict:
        return "Mapping[str, Any]"
    if kind is types.NoneType:
        return "None"
    return "str | Path" if kind is Path else kind.__name__


if __name__ == "__main__":
    for path, text in generated_files().items():
        path.write_text(text, encoding="utf-8")
