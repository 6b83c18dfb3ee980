"""What a training is going to do, in six lines."""

from collections.abc import Iterator

from clearsight.data.sources.load import default_recipe
from clearsight.models.trace import trace_model
from clearsight.option_names import option
from clearsight.run.plan.plan import Plan
from clearsight.run.request import ARRAYS

_MAX_NAMES = 3  # classes that are listed


def summarize(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Return six lines, each with its title: network, data, split, recipe, compute, decided."""
    return (
        ("network", _network(plan)),
        ("data", _data(plan)),
        ("split", _split(plan)),
        ("recipe", _recipe(plan)),
        ("compute", _compute(plan)),
        ("decided", _decided(plan)),
    )


def _network(plan: Plan) -> str:
    trace = trace_model(plan.model)
    text = (
        f"{plan.record.request.model}: {len(trace.layers)} layers, {trace.num_parameters:,} "
        "parameters"
    )
    if not trace.num_parameters:
        return text
    largest = max(trace.layers, key=lambda layer: layer.num_parameters)
    fraction = largest.num_parameters / trace.num_parameters
    return f"{text}, {fraction:.0%} of them in {largest.name}"


def _data(plan: Plan) -> str:
    train = plan.data.splits.train
    names, more = train.class_names[:_MAX_NAMES], train.num_classes - _MAX_NAMES
    listed = ", ".join(names) + (f" and {more:,} more" if more > 0 else "")
    shape = "x".join(map(str, train.image_shape))
    source = plan.record.request.source_name
    text = f"{source}: {shape} images, {train.num_classes} classes ({listed})"
    return " ".join([f"{text}.", *plan.data.decisions]) if plan.data.decisions else text


def _split(plan: Plan) -> str:
    data = plan.data
    test = data.splits.test
    later = " (not evaluated yet)" if plan.record.request.no_test and test is not None else ""
    return (
        f"{data.num_train:,} training, {data.num_validation:,} validation and "
        f"{0 if test is None else len(test):,} test images{later}"
    )


def _recipe(plan: Plan) -> str:
    recipe = plan.recipe
    epochs = "1 epoch" if recipe.epochs == 1 else f"{recipe.epochs} epochs"
    text = (
        f"{recipe.name}: {epochs} in batches of {recipe.batch_size}, {recipe.optimizer} with "
        f"learning rate {recipe.learning_rate:g}"
    )
    changes = {
        "mirrored": recipe.flip != "none",
        "shifted": recipe.translate_pixels,
        "partly blackened": recipe.cutout_pixels,
    }
    if made := [name for name, is_made in changes.items() if is_made]:
        text += f"; training images {', '.join(made)}"
    return text


def _compute(plan: Plan) -> str:
    request, threads = plan.record.request, plan.record.machine["num_threads"]
    on = f"cpu with {threads} threads" if request.device == "cpu" else request.device
    whys = "; ".join(_compute_reasons(plan)) if plan.resume_point is None else ""
    return f"{request.precision} on {on}, seed {request.seed}" + (f" ({whys})" if whys else "")


def _compute_reasons(plan: Plan) -> Iterator[str]:
    """Yield why the precision and the device are as they are, if they were left open."""
    given, request = plan.record.given, plan.record.request
    if given.precision == "auto" and request.engine == "clearsight":
        is_fast = request.precision == "bfloat16"
        yield f"this machine is {'' if is_fast else 'not '}fast in bfloat16"
    if given.device == "auto":
        yield f"torch sees {'a' if request.device == 'cuda' else 'no'} GPU"


def _decided(plan: Plan) -> str:
    choices = list(_choices(plan)) if plan.resume_point is None else []
    sentences = [f"{'; '.join(choices)}."] if choices else []
    return " ".join([*sentences, *plan.decisions]) or "nothing"


def _why_recipe(plan: Plan) -> str:
    """Return why this recipe is the default, and how to get the other one for the same images."""
    request = plan.record.request
    if request.is_named_source:
        others = default_recipe(ARRAYS)
        return f"the default for this source ({others} for images of your own)"
    lesson = option("recipe", "lesson")
    return f"the default for your own images (or {lesson})"


def _choices(plan: Plan) -> Iterator[str]:
    """Yield how it trains and validates where that was left open, and why."""
    given = plan.record.given
    if given.recipe is None:
        yield f"recipe {plan.recipe.name}, {_why_recipe(plan)}"
    if plan.data.split.method == "tail":
        yield "validation on the last training images, as in Keras"
    elif plan.data.split.method == "own":
        yield "validation on the source's own validation images"
    elif plan.recipe.validation_method == "stratified":
        yield "validation on the same fraction of each class"
