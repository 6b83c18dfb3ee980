"""What the user changes in a source by hand: wrong labels, and images to leave out."""

from clearsight.data.labels.corrections import correct_labels
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.removal import remove_images
from clearsight.data.splits.splits import Splits


def edit_splits(splits: Splits, options: SourceOptions) -> Splits:
    """Apply the files of corrected labels and of images to leave out, if the options give them.

    Raises:
        DataError: when one is not valid, or was written for another source.
    """
    if options.corrections is not None:
        splits = correct_labels(options.corrections, splits)
    if options.remove_list is not None:
        splits = remove_images(options.remove_list, splits)
    return splits
