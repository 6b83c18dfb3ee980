"""From predictions and labels to scores and findings, all with their uncertainty."""
