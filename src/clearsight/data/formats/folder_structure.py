"""Where the class folders are among the folders of a source, and which part each belongs to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from clearsight.data.labels.alike_names import one_form
from clearsight.data.listing import Part
from clearsight.data.part_names import holds_images, holds_masks, part_of_folder, part_of_path
from clearsight.io.readable_name import readable_name

OUTSIDE_CLASSES = "image outside of any class folder"
IS_MASK = "in a folder of masks next to the images"
OUTSIDE_PARTS = "image outside of the training, validation and test folders"


@dataclass(frozen=True)
class FolderRole:
    """The class and the part that a folder belongs to.

    Attributes:
        class_folder: the name of the class folder.
        inner: the folder's path within the class folder, or "".
        part: the part, or None if the source is not divided.
        problem: why the folder belongs to no class, or "".
    """

    class_folder: str = ""
    inner: str = ""
    part: Part | None = None
    problem: str = ""

    def class_name(self, nested: bool) -> str:
        """Return the class; if `nested`, folders inside class folders are classes too."""
        is_inner = nested and self.inner
        path = f"{self.class_folder}/{self.inner}" if is_inner else self.class_folder
        return "/".join(map(one_form, readable_name(path).split("/")))


@dataclass(frozen=True)
class FolderStructure:
    """The class folders of a source.

    Attributes:
        image_folders: the paths of all folders that have images.
        parents: the folders that class folders are in, "" for the source itself, with their part.
        are_classes_divided: whether the parts are inside the class folders: cats/train, cats/test.
    """

    image_folders: frozenset[str]
    parents: Mapping[str, Part | None]
    are_classes_divided: bool

    @cached_property
    def shared_folders(self) -> set[str]:
        """The names of folders that are in every class folder; empty if images are next to them."""
        outer = [folder for folder in self.image_folders if not self.role(folder).inner]
        if any(not self.role(folder).problem for folder in outer):
            return set()
        return set.intersection(*self.class_folders.values()) if self.class_folders else set()

    @cached_property
    def class_folders(self) -> dict[str, set[str]]:
        """The names of the class folders, each with the names of folders in it that have images."""
        found: dict[str, set[str]] = defaultdict(set)
        for folder in self.image_folders:
            role = self.role(folder)
            if not role.problem:
                found[role.class_folder] |= {role.inner.partition("/")[0]} - {""}
        return found

    @cached_property
    def _masks(self) -> set[str]:
        """The folders of masks that have a folder of images next to them."""
        parents = {
            path.rpartition("/")[0] for path in self.image_folders if _is_images_folder(path)
        }
        return {
            path
            for path in self.image_folders
            if path.rpartition("/")[0] in parents and holds_masks(path.rpartition("/")[2])
        }

    def role(self, folder: str) -> FolderRole:
        """Return the class and the part that a folder belongs to."""
        parent = next((path for path in self.parents if _is_in(folder, path)), None)
        if parent is None:
            has_classes_below = any(_is_in(path, folder) for path in self.parents)
            is_split = has_classes_below or part_of_path(folder) is not None
            return FolderRole(problem=OUTSIDE_CLASSES if is_split else OUTSIDE_PARTS)
        name, _, inner = folder[len(parent) :].removeprefix("/").partition("/")
        part = self.parents[parent]
        if name and self.are_classes_divided:
            first, _, inner = inner.partition("/")
            part = part_of_folder(first)
            if part is None:
                return FolderRole(problem=OUTSIDE_PARTS)
        if inner and any(_is_in(folder, masks) for masks in self._masks):
            return FolderRole(problem=IS_MASK)
        return FolderRole(name, inner, part) if name else FolderRole(problem=OUTSIDE_CLASSES)

    def describe_part(self, part: Part) -> str:
        """Return the name of a part and its folders, e.g. "test (test_set)"."""
        folders = [readable_name(path) for path, found in self.parents.items() if found == part]
        return part if folders in ([], [part]) else f"{part} ({', '.join(folders)})"


class _FolderTree:
    """The folders that have images in them or below them."""

    def __init__(self, image_folders: Iterable[str]) -> None:
        self._image_folders = set(image_folders)
        self._names_in: dict[str, set[str]] = defaultdict(set)
        for image_folder in self._image_folders:
            path = image_folder
            while path:
                parent, _, name = path.rpartition("/")
                self._names_in[parent].add(name)
                path = parent

    def names_in(self, *path: str) -> set[str]:
        """Return the names of the folders in a folder."""
        return self._names_in.get(_join(*path), set())

    def has_images(self, *path: str) -> bool:
        """Return whether images are directly in a folder."""
        return _join(*path) in self._image_folders


def find_structure(image_folders: Iterable[str], *, are_inner: bool = False) -> FolderStructure:
    """Find the class folders, from the paths of all folders that images are directly in.

    A folder that is the only one in its parent is a wrapper, which is skipped. A folder is a split
    if its name means a part and it has folders, unless the folders next to it show that it is a
    class (`_splits_in`). In a split there may be wrappers, or splits, again.

    Args:
        image_folders: paths relative to the source, "/" between names.
        are_inner: whether the classes are the folders inside those that would otherwise be classes.
    """
    folders = frozenset(image_folders)
    tree = _FolderTree(folders)
    parents: dict[str, Part | None] = dict(_class_parents(tree, "", None))
    if are_inner:
        parents = {
            _join(parent, name): part
            for parent, part in parents.items()
            for name in sorted(tree.names_in(parent))
        }
    are_divided = len(parents) == 1 and _are_classes_divided(tree, next(iter(parents)))
    return FolderStructure(folders, parents, are_divided)


def _class_parents(
    tree: _FolderTree, folder: str, part: Part | None
) -> Iterator[tuple[str, Part | None]]:
    while not (splits := _splits_in(tree, folder)):
        inner = _wrapper_in(tree, folder)
        if inner is None:
            yield folder, part
            return
        folder = inner
    for name, found in sorted(splits.items()):
        # train/ may be divided into train/ and val/ again; everything in test/ is for testing.
        inner_part = found if part in (None, "train") else part
        yield from _class_parents(tree, _join(folder, name), inner_part)


def _wrapper_in(tree: _FolderTree, folder: str) -> str | None:
    """Return a folder's only subfolder if it is a wrapper of everything; None if it is a class.

    A class may have an only subfolder with more of its images: photos/cats/old. But a folder with
    the name of a split, with a folder of images in it, is a split of one class: test/test/cats. And
    a folder called "images" is never a class, even if images are directly in it.
    """
    path, has_images = folder, False
    while len(names := tree.names_in(path)) == 1:
        path = _join(path, *names)
        has_images |= tree.has_images(path)
    if path == folder:
        return None
    inner = _join(folder, *tree.names_in(folder))
    is_split = path != inner and part_of_folder(inner.rpartition("/")[2]) is not None
    is_wrapper = is_split or _is_images_folder(inner)
    return None if has_images and not names and not is_wrapper else inner


def _splits_in(tree: _FolderTree, folder: str) -> dict[str, Part]:
    """Return the folders in a folder that are splits, with their parts; empty if there are none.

    A class may be called "train" or "test tube". So a single folder with the name of a part is a
    class if several folders without such a name have folders in them too; and without a training
    folder, folders with the names of other parts are splits only if they share names of classes.
    """
    inner = {name: tree.names_in(folder, name) for name in tree.names_in(folder)}
    with_folders = [name for name in inner if inner[name]]
    splits: dict[str, Part] = {
        name: part for name in with_folders if (part := part_of_folder(name)) is not None
    }
    if not splits:  # but their folders may be wrapped: first/train, second/test
        splits = {
            name: part
            for name in with_folders
            if (part := _part_inside(tree, _join(folder, name))) is not None
        }
    num_parts = len(set(splits.values()))
    if "train" in splits.values():
        return splits if num_parts > 1 or len(with_folders) - len(splits) < 2 else {}
    shared = set.intersection(*(inner[name] for name in splits)) if splits else set()
    return splits if num_parts > 1 and shared else {}


def _part_inside(tree: _FolderTree, folder: str) -> Part | None:
    """Return the part that the name of a wrapper in a folder means; None if there is none."""
    inner = _wrapper_in(tree, folder)
    if inner is None or tree.has_images(folder):
        return None
    return part_of_folder(inner.rpartition("/")[2]) or _part_inside(tree, inner)


def _are_classes_divided(tree: _FolderTree, folder: str) -> bool:
    """Return whether there are splits in all class folders: cats/train, cats/test, ..."""
    names = tree.names_in(folder)
    parts = [{part_of_folder(each) for each in tree.names_in(folder, name)} for name in names]
    found = set().union(*parts) - {None}
    return len(found) > 1 and all("train" in each for each in parts)


def _join(*path: str) -> str:
    return "/".join(filter(None, path))


def _is_images_folder(path: str) -> bool:
    return holds_images(path.rpartition("/")[2])


def _is_in(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")
