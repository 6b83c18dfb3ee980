"""Tables and saved datasets, each broken in one way."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from clearsight.data.sources.options import SourceOptions
from support.formats.breakage import (
    PNG,
    Breakage,
    breakages_into,
    cut,
)
from support.formats.class_labels import Draw

BREAKAGES: list[Breakage] = []
breakage = breakages_into(BREAKAGES)


def csv_table(root: Path, *lines: str) -> Path:
    (root / "1.png").write_bytes(PNG)
    (root / "2.png").write_bytes(PNG)
    (root / "t.csv").write_text("\n".join(lines) + "\n")
    return root / "t.csv"


@breakage("should have a column of labels with a usual name .* its columns are 'path', 'what'")
def no_label_column(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,what", "1.png,a", "2.png,b")


@breakage("should have a column of images or their paths .* its columns are 'where', 'label'")
def no_image_column(draw: Draw, root: Path) -> Path:
    return csv_table(root, "where,label", "1.png,a", "2.png,b")


@breakage("'label', 'class' could each be it: choose it with label_column=")
def two_label_columns(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label,class", "1.png,a,a", "2.png,b,b")


@breakage("'label', 'label' could each be it|several of that name")
def a_column_twice(draw: Draw, root: Path) -> Any:
    path = csv_table(root, "path,label,label", "1.png,a,a", "2.png,b,b")
    return path, SourceOptions(label_column="label" if draw(st.booleans()) else None)


@breakage("the column 'lable' given by label_column=, .* Did you mean 'label'")
def a_column_that_is_not_there(draw: Draw, root: Path) -> Any:
    return csv_table(root, "path,label", "1.png,a", "2.png,b"), SourceOptions(label_column="lable")


@breakage("leads out of .*: put the table into a folder")
def a_path_out_of_the_folder(draw: Draw, root: Path) -> Path:
    out = draw(st.sampled_from(("../2.png", "/etc/passwd", "a/../../2.png", "..")))
    return csv_table(root, "path,label", "1.png,a", f"{out},b")


@breakage("is a link out of")
def a_link_out_of_the_folder(draw: Draw, root: Path) -> Path:
    if draw(st.booleans()):
        (root / "link.png").symlink_to("/etc/hostname")
        return csv_table(root, "path,label", "1.png,a", "link.png,b")
    (root / "link").symlink_to("/etc")
    return csv_table(root, "path,label", "1.png,a", "link/hostname,b")


@breakage("is not a regular file")
def a_device_or_folder(draw: Draw, root: Path) -> Path:
    if draw(st.booleans()):
        os.mkfifo(root / "pipe.png")
    else:
        (root / "pipe.png").mkdir()
    return csv_table(root, "path,label", "1.png,a", "pipe.png,b")


@breakage("clearsight downloads no images")
def an_address(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label", "1.png,a", "https://example.org/2.png,b")


@breakage("none of its 2 files exists")
def paths_to_nowhere(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label", "x/1.png,a", "x/2.png,b")


@breakage("should be an image, but cannot be read", is_image=True)
def one_path_to_nowhere(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label", "1.png,a", "2.png,b", "3.png,b")


@breakage("'1' could be x/1.png or y/1.png|'1' could be y/1.png or x/1.png")
def a_name_of_two_images(draw: Draw, root: Path) -> Path:
    for folder in "xy":
        (root / folder).mkdir()
        (root / folder / "1.png").write_bytes(PNG)
    path = csv_table(root, "id,label", "1,a", "2,b")
    (root / "1.png").unlink()
    return path


@breakage("gives 1.png 'a' in line 2 and 'b' in line 4")
def two_labels_of_one_image(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label", "1.png,a", "2.png,b", "1.png,b")


@breakage("should have 2 cells in every row, .* but has [13] in line 3")
def a_row_of_other_length(draw: Draw, root: Path) -> Path:
    row = draw(st.sampled_from(("2.png", "2.png,b,c")))
    return csv_table(root, "path,label", "1.png,a", row)


@breakage("should contain train, validation or test .* but contains 'fold 3'")
def an_unknown_part(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label,split", "1.png,a,train", "2.png,b,fold 3")


@breakage("should have rows to train on")
def a_table_of_test_images(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label,split", "1.png,a,test", "2.png,b,test")


@breakage("should hold labelled images, but none of its 2 rows is one")
def a_table_without_labels(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label", "1.png,", "2.png, ")


@breakage("table,? .*(empty|columns are|UTF-8)")
def no_table(draw: Draw, root: Path) -> Path:
    content = draw(st.sampled_from((b"", b"\n\n", b"\xff\xfe\xff", b"\x80abc,\xff\n", PNG)))
    (root / "t.csv").write_bytes(content)
    return root / "t.csv"


@breakage("pixels that are whole numbers from 0 to 255, .* in line 3")
def a_pixel_out_of_range(draw: Draw, root: Path) -> Path:
    value = draw(st.sampled_from(("256", "-1", "0.5", "", "nan", "x")))
    names = ",".join(f"pixel{place}" for place in range(4))
    return csv_table(root, f"label,{names}", "0,1,2,3,4", f"1,1,2,{value},4")


def parquet_table(root: Path, columns: dict[str, Any]) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table(columns), root / "t.parquet")
    return root / "t.parquet"


@breakage("should be a Parquet file, but cannot be read")
def a_truncated_parquet(draw: Draw, root: Path) -> Path:
    path = parquet_table(root, {"image": [PNG, PNG], "label": ["a", "b"]})
    path.write_bytes(cut(draw, path.read_bytes()))
    return path


@breakage("should hold an encoded image, but is empty", is_image=True)
def a_parquet_cell_without_image(draw: Draw, root: Path) -> Path:
    cells = [PNG, PNG, None]
    if draw(st.booleans()):
        cells = [{"bytes": cell, "path": "/etc/passwd"} for cell in cells]
    return parquet_table(root, {"image": cells, "label": ["a", "b", "b"]})


@breakage("should hold encoded images or their paths in its column 'image', but holds another")
def a_parquet_of_numbers(draw: Draw, root: Path) -> Path:
    return parquet_table(root, {"image": [[1, 2], [3, 4]], "label": ["a", "b"]})


def saved_set(root: Path, files: Any) -> Path:
    (root / "dataset_dict.json").write_text(json.dumps({"splits": ["train"]}))
    (root / "train").mkdir()
    (root / "train" / "state.json").write_text(json.dumps({"_data_files": files}))
    return root


@breakage("should list files next to it, but lists")
def a_saved_set_that_points_out(draw: Draw, root: Path) -> Path:
    name = draw(st.sampled_from(("../../x.arrow", "/etc/passwd", "", "..", None, 7)))
    return saved_set(root, [{"filename": name}] if draw(st.booleans()) else [name])


@breakage("should be an Arrow file, but cannot be read")
def a_saved_set_without_rows(draw: Draw, root: Path) -> Path:
    path = saved_set(root, [{"filename": "data.arrow"}])
    if draw(st.booleans()):
        (root / "train" / "data.arrow").write_bytes(draw(st.binary(max_size=50)))
    return path


@breakage("should be the description of a saved dataset, but|should list the (splits|data files)")
def a_damaged_description(draw: Draw, root: Path) -> Path:
    path = saved_set(root, [])
    name = draw(st.sampled_from(("dataset_dict.json", "train/state.json")))
    (root / name).write_text(draw(st.sampled_from(("", "{", "[]", "{}", '{"splits": 3}'))))
    return path
