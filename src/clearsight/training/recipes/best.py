"""A wide residual network, trained for long: for a GPU, or overnight on a CPU."""

from clearsight.training.recipe import Recipe

BEST = Recipe(
    name="best",
    summary="for a GPU or overnight: a wide residual network, Muon, flips, cutout",
    model="residual",
    model_arguments={"width": 512, "num_blocks": 2, "num_stage_blocks": 2},
    optimizer="muon",
    learning_rate=0.02,
    beta_2=0.99,
    schedule="triangular",
    warmup=0.1,
    first_factor=0.2,
    last_factor=0.0,
    weight_decay=0.05,
    label_smoothing=0.1,
    flip="alternating",
    translate_pixels=2,
    cutout_pixels=8,
    flip_at_test=True,
    shift_at_test=1,
    epochs=80,
    batch_size=128,
    validation_split=0.1,
    validation_method="stratified",
)
