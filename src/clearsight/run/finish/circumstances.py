"""What a run knows that its curve does not show by itself."""

from __future__ import annotations

import numpy as np

from clearsight.evaluation.curve.measures import Circumstances
from clearsight.models.graph import get_graph
from clearsight.run.plan.image_check import Leaks
from clearsight.run.plan.plan import Plan

_NEARLY_NOTHING = 0.2  # of the learning rate


def circumstances_of(plan: Plan, leaked: Leaks) -> Circumstances:
    """Return the circumstances of a training.

    Args:
        plan: of it.
        leaked: which of its images stand on two sides.
    """
    recipe, model = plan.recipe, plan.model
    held_out = plan.data.held_out
    counts = np.bincount(held_out.labels[plan.data.split.validation])
    shares = counts[counts > 0] / counts.sum()
    is_augmented = recipe.flip != "none" or recipe.translate_pixels or recipe.cutout_pixels
    names = {type(call.layer).__name__ for call in get_graph(model).calls}
    return Circumstances(
        num_train=len(plan.data.split.train),
        num_val=len(plan.data.split.validation),
        chance=float(shares.max()),
        chance_loss=float(-(shares * np.log(shares)).sum()),
        is_made_harder=bool(is_augmented) or any("Drop" in n or "Random" in n for n in names),
        is_annealed=recipe.schedule == "triangular" and recipe.last_factor < _NEARLY_NOTHING,
        num_leaked=len(leaked.validation),
    )
