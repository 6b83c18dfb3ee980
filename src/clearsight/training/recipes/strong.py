"""The default for most data: a small residual network, well trained."""

from clearsight.training.recipe import Recipe

STRONG = Recipe(
    name="strong",
    summary="a small residual network, well trained: Muon, flips, translations",
    model="residual",
    optimizer="muon",
    learning_rate=0.02,
    beta_2=0.99,
    schedule="triangular",
    warmup=0.15,
    first_factor=0.2,
    last_factor=0.0,
    weight_decay=0.05,
    label_smoothing=0.1,
    flip="alternating",
    translate_pixels=1,
    flip_at_test=True,
    shift_at_test=1,
    epochs=10,
    min_steps=940,  # 10 epochs of the 12,000 images that it was tuned on
    batch_size=128,
    validation_method="stratified",
)
