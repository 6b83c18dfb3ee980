"""What follows the last epoch: the final weights, the evaluation, the report and the bundle."""
