"""The one table of exercises. To add one: a row here, and its name in `exercise_names`."""

from clearsight.run.exercises.exercise import Exercise
from clearsight.run.exercises.exercise_names import TRAINED

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (
        Exercise(
            "shapes",
            "The lesson's network takes images of 28x28x1. Predict the output of each layer.",
        ),
        Exercise(
            "padding",
            "The first convolution now has padding 'valid': no zeros are added around the image of "
            "28x28x1. Predict the output of each layer.",
            {"padding": ("valid", "same")},
        ),
        Exercise(
            TRAINED,
            "A third block, a convolution with 64 filters and a pooling, comes before Flatten. "
            "Images are 28x28x1. Predict the output of each layer; then both networks are trained.",
            {"num_blocks": 3},
            trains=True,
        ),
    )
}
